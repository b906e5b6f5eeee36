import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subject } from '../core/subject.ts';
import { configSchema } from './schema.ts';
import { jobOfOrder, parseJobFile } from './job-file.ts';
import { settingsOf } from './settings.ts';

const sha = 'a'.repeat(40);

// The form is that of facts about cockpit-project/bots job-runner: every key but repo is optional, null is absence.
const full = {
  repo: 'cockpit-project/cockpit',
  sha,
  pull: 7,
  context: 'fedora-44/storage',
  report: null,
  command_subject: { forge: 'github', repo: 'cockpit-project/bots', branch: 'main' },
  slug: 'pull-7-aaaaaaaa',
  env: { TEST_OS: 'fedora-44', TEST_JOBS: '8' },
  secrets: ['github-token'],
  timeout: 30,
  command: ['./test', '--all'],
  container: null,
  anything: 'unknown keys are ignored',
};

const messageOf = (value: unknown): string => {
  try {
    parseJobFile(typeof value === 'string' ? value : JSON.stringify(value, null, 1), 'job.json');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return '';
};

test('a job file of the job-runner becomes an order', () => {
  const order = parseJobFile(JSON.stringify(full), 'job.json');
  assert.deepEqual(order.subject, {
    forge: 'git',
    repo: 'cockpit-project/cockpit',
    sha,
    pull: 7,
    branch: null,
    target: null,
  });
  assert.equal(order.commandSubject?.repo, 'cockpit-project/bots');
  assert.equal(order.timeoutMs, 30 * 60_000);
  assert.equal(order.container, null);
  assert.deepEqual(order.command, ['./test', '--all']);
});

test('a repository alone is a job: 120 minutes, context test, no command', () => {
  const order = parseJobFile('{"repo": "a"}', 'job.json');
  assert.equal(order.timeoutMs, 120 * 60_000);
  assert.equal(order.context, 'test');
  assert.equal(order.command, null);
});

for (const [what, value, expected] of [
  ['no repository', {}, /^job\.json:1:1: repo: is missing$/],
  ['a wrong type', { repo: 1 }, /^job\.json:2:2: repo: expected text, found the number 1$/],
  [
    'a wrong type inside',
    { repo: 'a', command_subject: { repo: 'b', pull: 'x' } },
    /command_subject\.pull: expected a number/,
  ],
  ['a wrong word', { repo: 'a', command: ['x', 1] }, /command\[1\]: expected text, found the number 1/],
  ['a wrong variable', { repo: 'a', env: { A: 1 } }, /env\.A: expected text/],
  ['a short commit', { repo: 'a', sha: 'abc' }, /sha: expected a full commit id/],
  ['a branch that is an option', { repo: 'a', branch: '--upload-pack=x' }, /branch: must not begin with -/],
  ['a time-out of nothing', { repo: 'a', timeout: 0 }, /timeout: /],
  ['a context that is none', { repo: 'a', context: 'x@@' }, /^job\.json:3:2: context: expected a context/],
  ['a list', '[1]', /^job\.json:1:1: expected a mapping with at least repo, found a list$/],
  ['broken JSON', '{"repo": "a",', /^job\.json:\d+:\d+: broken YAML/],
] as const) {
  test(`refuses ${what}`, () => {
    assert.match(messageOf(value), expected);
  });
}

test('an order becomes a trusted job whose facts go before the settings, and whose own variables go before all', () => {
  const loaded = {
    config: configSchema.parse({ defaults: { env: { TEST_JOBS: '1', A: 'b' } } }),
    file: null,
    yaml: null,
  };
  const { fallback } = settingsOf(loaded, { env: {}, cwd: '/', stateDir: null });
  const subject: Subject = { forge: 'git', repo: 'a', sha, pull: 7, baseRef: 'main', branch: null };
  const order = parseJobFile(JSON.stringify(full), 'job.json');
  const job = jobOfOrder({ order, subject, commandSubject: null, settings: fallback, requestId: 'r1' });
  assert.deepEqual(job.env, {
    TEST_OS: 'fedora-44',
    TEST_SCENARIO: 'storage',
    COCKPIT_BOTS_REF: 'main',
    TEST_JOBS: '8',
    A: 'b',
    TEST_REVISION: sha,
    BASE_BRANCH: 'main',
    TEST_PULL: '7',
  });
  assert.equal(job.isTrusted, true);
  assert.equal(job.occasion, 'request:r1');
  assert.match(job.id, /^[0-9a-f]{32}$/);
});

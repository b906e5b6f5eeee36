import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJobFile } from '../config/job-file.ts';
import { configSchema } from '../config/schema.ts';
import { settingsOf, type Settings } from '../config/settings.ts';
import type { Subject } from '../core/subject.ts';
import { jobOfRun, type ResolvedRun } from './job-of-run.ts';
import type { RunOrder, RunSource } from './wiring.ts';

const sha = 'a'.repeat(40);
const subject: Subject = { forge: 'git', repo: 'a', sha, pull: null, baseRef: 'main', branch: 'main' };
const resolved: ResolvedRun = { subject, commandSubject: null, requestId: 'r1' };

function settings(checks: unknown[]): Settings {
  const config = configSchema.parse({ projects: [{ name: 'a', path: '/src/a', branches: ['none'], checks }] });
  return settingsOf({ config, file: null, yaml: null }, { env: { HOME: '/home/u' }, cwd: '/', stateDir: null });
}

function order(given: { checks?: unknown[]; source?: RunSource } & Partial<RunOrder>): RunOrder {
  const { checks = [], ...rest } = given;
  return {
    settings: settings(checks),
    source: { kind: 'checkout', dir: '/src/a', rev: null },
    executor: 'auto',
    context: null,
    command: null,
    container: null,
    env: {},
    timeoutMs: null,
    network: null,
    attachmentsDir: null,
    ...rest,
  };
}

test('without checks the entry point runs as test, trusted and as a job of its own', () => {
  const job = jobOfRun(order({}), resolved);
  assert.equal(job.context, 'test');
  assert.equal(job.command, null);
  assert.equal(job.isTrusted, true);
  assert.equal(job.env['TEST_REVISION'], sha);
  assert.notEqual(job.id, jobOfRun(order({}), { ...resolved, requestId: 'r2' }).id);
  assert.ok(!('isManual' in job));
});

test('the only automatic check is meant; of several one must be named', () => {
  const one = [
    { context: 'unit', command: 'make' },
    { context: 'slow', manual: true },
  ];
  assert.equal(jobOfRun(order({ checks: one }), resolved).context, 'unit');
  assert.equal(jobOfRun(order({ checks: one, context: 'slow' }), resolved).context, 'slow');
  assert.throws(
    () => jobOfRun(order({ checks: [{ context: 'x' }, { context: 'y' }] }), resolved),
    /^UsageError: a: which check\? --context with one of x, y$/,
  );
});

test('a context that no check has runs like a project without checks, under that name', () => {
  const job = jobOfRun(
    order({ checks: [{ context: 'unit', command: 'make' }], context: 'fedora-44/storage' }),
    resolved,
  );
  assert.equal(job.command, null);
  assert.equal(job.env['TEST_OS'], 'fedora-44');
  assert.equal(job.env['TEST_SCENARIO'], 'storage');
});

test('the command line overrules the check and the job file', () => {
  const over = { command: ['true'], container: 'c:1', env: { A: '1' }, timeoutMs: 5, network: 'none' } as const;
  const source: RunSource = {
    kind: 'order',
    order: parseJobFile('{"repo": "a", "context": "x", "container": "c:0", "env": {"A": "0", "B": "0"}}', 'job.json'),
  };
  for (const given of [order(over), order({ ...over, source })]) {
    const job = jobOfRun(given, resolved);
    assert.deepEqual(
      [job.command, job.container, job.env['A'], job.timeoutMs, job.network],
      [['true'], 'c:1', '1', 5, 'none'],
    );
  }
  assert.equal(jobOfRun(order({ source, context: 'y' }), resolved).context, 'y');
});

test('a repeated run keeps everything but its occasion', () => {
  const job = jobOfRun(order({ checks: [{ context: 'unit', timeout: '5m', env: { A: 'b' } }] }), resolved);
  const source: RunSource = { kind: 'repeat', job, baseSha: null, testedSha: null, imageDigest: null, project: null };
  const again = jobOfRun(order({ source }), { ...resolved, requestId: 'r2' });
  assert.deepEqual({ ...again, id: job.id, occasion: job.occasion }, job);
  assert.notEqual(again.id, job.id);
});

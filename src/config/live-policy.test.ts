import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { until } from '../../test/support/until.ts';
import { createLivePolicy, type LivePolicy } from './live-policy.ts';
import { readConfig } from './load.ts';
import { plainProject, settingsOf, type Settings } from './settings.ts';
import type { ProjectPlace } from './policy-version.ts';

const dir = mkdtempSync(join(tmpdir(), 'groundcrew-policy-'));
after(() => {
  rmSync(dir, { recursive: true, force: true });
});

interface Held {
  readonly policy: LivePolicy;
  readonly file: string;
  readonly heard: (readonly ProjectPlace[])[];
  readonly said: string[];
  write(text: string): void;
}

let count = 0;

function hold(text: string, named: readonly string[] = []): Held {
  count += 1;
  const file = join(dir, `${String(count)}.yaml`);
  writeFileSync(file, text);
  const read = (): Settings =>
    settingsOf(readConfig(file), { env: { HOME: dir }, cwd: dir, stateDir: join(dir, 'state') });
  const said: string[] = [];
  const say = (message: string, fields?: Record<string, unknown>): void => {
    said.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  const logger: Logger = { debug: say, info: say, warn: say, error: say, with: () => logger };
  const initial = read();
  const extra = named.map((name) => plainProject(initial, name, join('/src', name)));
  const policy = createLivePolicy({ initial, file, read, extra, clock: systemClock, logger });
  const heard: (readonly ProjectPlace[])[] = [];
  policy.onChange((changed) => heard.push(changed));
  return {
    policy,
    file,
    heard,
    said,
    write: (next) => {
      writeFileSync(file, next);
    },
  };
}

const one = 'projects:\n  - {name: a, path: /src/a, checks: [{context: x}]}\n';
const two =
  'projects:\n  - {name: a, path: /src/a, checks: [{context: x}, {context: y}]}\n  - {name: b, path: /src/b}\n';
const contexts = (policy: LivePolicy): (string[] | undefined)[] =>
  policy.projects().map((project) => project.policy.checks.map(({ context }) => context));

test('an edit counts at the next question, and whoever listens hears which projects it concerns', () => {
  const held = hold(one);
  const before = held.policy.state();
  held.write(two);
  held.policy.reload();
  assert.deepEqual(held.heard, [
    [
      { forge: 'git', repo: 'a' },
      { forge: 'git', repo: 'b' },
    ],
  ]);
  assert.deepEqual(
    held.policy.policyOf('git', 'a')?.checks.map(({ context }) => context),
    ['x', 'y'],
  );
  assert.notEqual(held.policy.state().version, before.version);
  held.write(one);
  held.policy.reload();
  assert.equal(held.policy.state().version, before.version);
  assert.equal(held.policy.policyOf('git', 'b'), null);
  assert.deepEqual(held.heard[1], [
    { forge: 'git', repo: 'a' },
    { forge: 'git', repo: 'b' },
  ]);
});

test('a change of the defaults reaches every check that does not say otherwise', () => {
  const text = 'projects:\n  - {name: a, path: /a, checks: [{context: x, timeout: 1h}]}\n  - {name: b, path: /b}\n';
  const held = hold(text);
  held.write(`defaults: {timeout: 3h}\n${text}`);
  held.policy.reload();
  assert.equal(held.policy.policyOf('git', 'b')?.fallback.timeoutMs, 3 * 3_600_000);
  assert.equal(held.policy.policyOf('git', 'a')?.checks[0]?.timeoutMs, 3_600_000);
});

test('a wrong edit keeps the old policy running, and says so once with file, line and key', () => {
  const held = hold(one);
  const { version } = held.policy.state();
  held.write(one.replace('checks', 'cheks'));
  held.policy.reload();
  held.policy.reload();
  assert.deepEqual(contexts(held.policy), [['x']]);
  const { problem } = held.policy.state();
  assert.equal(problem, `${held.file}:2:29: projects[0].cheks: unknown key; did you mean 'checks'?`);
  assert.equal(held.policy.state().version, version);
  assert.equal(held.said.filter((line) => line.startsWith('the configuration is wrong')).length, 1);
  assert.deepEqual(held.heard, []);
  held.write(one);
  held.policy.reload();
  assert.equal(held.policy.state().problem, null);
  assert.match(held.said.at(-1) ?? '', /is right again/);
});

test('what means the same is no change: comments, order, values that were defaults', () => {
  const held = hold(one);
  const before = held.policy.state();
  held.write('# hello\nprojects:\n  - {path: /src/a, name: a, drafts: true, checks: [{manual: false, context: x}]}\n');
  held.policy.reload();
  assert.deepEqual(held.policy.state(), before);
  assert.deepEqual(held.heard, []);
});

test('what needs a restart is said once, and stays told while it differs from what runs', () => {
  const held = hold(one);
  held.write(`${one}server: {port: 1234}\nretention: {runs: 30d}\n`);
  held.policy.reload();
  held.policy.reload();
  assert.deepEqual(held.policy.state().needsRestart, ['server', 'retention']);
  assert.equal(held.said.filter((line) => line.includes('only after a restart')).length, 1);
  held.write(one);
  held.policy.reload();
  assert.deepEqual(held.policy.state().needsRestart, []);
});

test('the secrets of webhooks change without a restart, the way to show who we are does not', () => {
  const forge = (rest: string): string => `forges: {github: {kind: github, ${rest}}}\n`;
  const held = hold(forge('token: {env: A}, webhookSecrets: [{env: B}]'));
  held.write(forge('token: {env: A}, webhookSecrets: [{env: C}, {env: B}]'));
  held.policy.reload();
  assert.deepEqual(held.policy.state().needsRestart, []);
  assert.deepEqual(held.policy.settings().forges[0]?.webhookSecrets, [{ env: 'C' }, { env: 'B' }]);
  held.write(forge('token: {env: D}'));
  held.policy.reload();
  assert.deepEqual(held.policy.state().needsRestart, ['forges']);
});

test('projects that the command line named stay through every edit, unless the file names them', () => {
  const held = hold(one, ['a', 'c']);
  assert.deepEqual(
    held.policy.projects().map(({ name }) => name),
    ['a', 'c'],
  );
  held.write(two);
  held.policy.reload();
  assert.deepEqual(
    held.policy.projects().map(({ name }) => name),
    ['a', 'b', 'c'],
  );
});

test('a file that is written is taken by itself; one that is removed is no wish to test nothing', async (t) => {
  const held = hold(one);
  const stop = new AbortController();
  const watching = held.policy.watch(stop.signal);
  t.after(async () => {
    stop.abort();
    await watching;
  });
  held.write(two);
  await until(() => held.heard.length === 1, { within: 5_000 });
  rmSync(held.file);
  await until(() => held.policy.state().problem !== null, { within: 5_000 });
  assert.match(held.policy.state().problem ?? '', /there is no such file/);
  assert.equal(held.policy.projects().length, 2);
});

test('a file that was emptied is no wish to test nothing', () => {
  const held = hold(two);
  const before = held.policy.state();
  for (const text of ['', '# projects: none\n', 'projects: []\n']) {
    held.write(text);
    held.policy.reload();
    assert.deepEqual(contexts(held.policy), [['x', 'y'], []]);
    assert.match(held.policy.state().problem ?? '', /no project is left/);
  }
  assert.deepEqual([held.policy.state().version, held.heard], [before.version, []]);
  held.write(one);
  held.policy.reload();
  assert.deepEqual([held.policy.state().problem, contexts(held.policy)], [null, [['x']]]);
});

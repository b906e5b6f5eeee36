import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock, type HandClock } from '../../../../test/support/hand-clock.ts';
import { type CleansUp, tempDir } from '../../../../test/support/temp-dir.ts';
import { silentLogger } from '../../../base/logger.ts';
import { type CacheLimits, type GitHubCache, openGitHubCache } from './github-cache.ts';

interface Rig {
  readonly path: string;
  readonly clock: HandClock;
  readonly open: (limits?: CacheLimits) => GitHubCache;
}

async function rig(context: CleansUp): Promise<Rig> {
  const path = join(await tempDir(context), 'cache');
  const clock = createHandClock();
  const open = (limits?: CacheLimits): GitHubCache => {
    const cache = openGitHubCache({ path, clock, logger: silentLogger, ...(limits === undefined ? {} : { limits }) });
    context.after(() => cache.close());
    return cache;
  };
  return { path, clock, open };
}

const answer = (text: string): { etag: string; headers: Record<string, string>; body: Buffer } => ({
  etag: `"${text.slice(0, 5)}"`,
  headers: { link: '<x>; rel="next"' },
  body: Buffer.from(text),
});

test('answers, notes and writes are there after a restart, small and large', async (context) => {
  const { open, clock } = await rig(context);
  const first = open();
  const large = answer('large '.repeat(10_000));
  await first.keepAnswer('small', answer('small'));
  await first.keepAnswer('large', large);
  await first.keepNote('said', 'a', 'b');
  await first.keepWrite('me', clock.now());
  await first.close();
  const second = open();
  assert.deepEqual(second.answer('small'), answer('small'));
  assert.deepEqual(second.answer('large'), large);
  assert.deepEqual(second.note('said', 'a'), { value: 'b', at: clock.now() });
  assert.equal(second.note('issue', 'a'), null);
  assert.deepEqual(second.writesSince('me', clock.now() - 1), [clock.now()]);
  assert.deepEqual(second.writesSince('you', 0), []);
  await second.dropNote('said', 'a');
  assert.equal(second.note('said', 'a'), null);
});

test('what was used longest ago goes first when there are too many, or too much', async (context) => {
  const { open, clock } = await rig(context);
  const cache = open({ answers: 10, answerBytes: 100_000, notes: 10 });
  for (let i = 0; i < 10; i += 1) {
    await cache.keepAnswer(`${i}`, answer(`answer ${i}`));
    await cache.keepNote('issue', `${i}`, '');
    clock.pass(1000);
  }
  clock.pass(2 * 3_600_000);
  assert.notEqual(cache.answer('0'), null);
  await cache.keepNote('said', 'settles the use of 0', '');
  await cache.keepAnswer('10', answer('answer 10'));
  assert.notEqual(cache.answer('0'), null, 'just used');
  assert.equal(cache.answer('1'), null);
  assert.notEqual(cache.answer('10'), null);
  assert.equal(cache.note('issue', '0'), null);
  await cache.keepAnswer('huge', answer('x'));
  const noise = Buffer.from(Array.from({ length: 24_000 }, (_, i) => (i * 7919 * (i % 251)) % 256));
  for (let i = 0; i < 8; i += 1) {
    clock.pass(1000);
    await cache.keepAnswer(`noise ${i}`, { ...answer('x'), body: noise });
  }
  assert.equal(cache.answer('10'), null);
  assert.deepEqual(cache.answer('noise 7')?.body, noise);
});

test('notes are found by the beginning of their key', async (context) => {
  const cache = (await rig(context)).open();
  await cache.keepNote('trust', 'gh|a/b|pull/1', 'x');
  await cache.keepNote('trust', 'gh|a/bc|pull/1', 'y');
  assert.deepEqual(cache.noted('trust', 'gh|a/b|'), [{ key: 'gh|a/b|pull/1', value: 'x' }]);
});

test('a file that is damaged, or no cache at all, is made anew', async (context) => {
  const { path, open } = await rig(context);
  writeFileSync(path, 'this is no database, and long enough that nobody takes it for an empty one'.repeat(100));
  const cache = open();
  await cache.keepNote('said', 'a', 'b');
  assert.equal(cache.note('said', 'a')?.value, 'b');
  await cache.close();
  assert.ok(statSync(path).size > 0);
});

test('a cache that is deleted while it is open, or a directory that is gone, costs nothing but requests', async (context) => {
  const { path, open } = await rig(context);
  const cache = open();
  await cache.keepNote('said', 'a', 'b');
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
  await cache.keepNote('said', 'c', 'd');
  assert.doesNotThrow(() => cache.note('said', 'a'));
  const nowhere = openGitHubCache({ path: `${path}/no/such`, clock: createHandClock(), logger: silentLogger });
  context.after(() => nowhere.close());
  await nowhere.keepNote('said', 'a', 'b');
  assert.equal(nowhere.note('said', 'a')?.value, 'b');
});

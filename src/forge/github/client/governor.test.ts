import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock, type HandClock } from '../../../../test/support/hand-clock.ts';
import { isGroundcrewError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/logger.ts';
import { type GitHubMeter, silentMeter } from '../github-meter.ts';
import type { GitHubReply } from './github-reply.ts';
import { createGovernor, type Governor, type Passage } from './governor.ts';
import { createWriteBudget } from './write-budget.ts';

const never = new AbortController().signal;

interface Rig {
  readonly clock: HandClock;
  readonly governor: Governor;
  readonly writes: number[];
  readonly quotas: { readonly resource: string; readonly left: number }[];
}

function rig(): Rig {
  const clock = createHandClock();
  const writes: number[] = [];
  const quotas: { resource: string; left: number }[] = [];
  const meter: GitHubMeter = { ...silentMeter, quota: ({ resource, left }) => void quotas.push({ resource, left }) };
  const governor = createGovernor({
    forge: 'gh',
    clock,
    random: { hex: () => '', fraction: () => 0 },
    logger: silentLogger,
    meter,
    budget: createWriteBudget(),
    onWrite: (at) => void writes.push(at - 1_800_000_000_000),
    concurrentReads: 3,
  });
  return { clock, governor, writes, quotas };
}

const settle = (): Promise<void> => new Promise(setImmediate);

function reply(status: number, headers: Record<string, string> = {}, body = ''): GitHubReply {
  return { status, headers: new Map(Object.entries(headers)), body: Buffer.from(body), isCut: false };
}

function quotaHeaders(clock: HandClock, left: number, resetInS: number, resource = 'core'): Record<string, string> {
  return {
    // GitHub's clock is an hour ahead of ours: only differences count.
    date: new Date(clock.now() + 3_600_000).toUTCString(),
    'x-ratelimit-limit': '5000',
    'x-ratelimit-remaining': String(left),
    'x-ratelimit-reset': String(Math.floor((clock.now() + 3_600_000) / 1000) + resetInS),
    'x-ratelimit-resource': resource,
  };
}

async function pass(
  governor: Governor,
  kind: Passage['kind'],
  answer: GitHubReply | null = reply(200),
): Promise<boolean> {
  return (await governor.enter({ kind, signal: never }))(answer).isLimited;
}

const refused = (error: unknown): boolean => isGroundcrewError(error, 'forge/rate-limited') && error.retry === 'later';

test('writes go one after the other, a few at once and then one a second', async () => {
  const { clock, governor, writes } = rig();
  const all = Promise.all(Array.from({ length: 6 }, () => pass(governor, 'write')));
  for (let i = 0; i < 40; i += 1) {
    await settle();
    clock.pass(100);
  }
  await all;
  assert.deepEqual(
    writes.map((at) => Math.round(at / 100) / 10),
    [0, 0, 0, 1, 2, 3],
  );
});

test('a second write waits until the first was answered', async () => {
  const { governor } = rig();
  const leave = await governor.enter({ kind: 'write', signal: never });
  let isIn = false;
  const second = governor.enter({ kind: 'write', signal: never }).then((next) => {
    isIn = true;
    next(null);
  });
  await settle();
  assert.equal(isIn, false);
  leave(reply(201));
  await second;
});

test('only so many reads run at once', async () => {
  const { governor } = rig();
  const leaves = await Promise.all(Array.from({ length: 3 }, () => governor.enter({ kind: 'read', signal: never })));
  const stop = new AbortController();
  const fourth = governor.enter({ kind: 'read', signal: stop.signal });
  await settle();
  stop.abort();
  await assert.rejects(fourth, (error) => isGroundcrewError(error, 'forge/aborted'));
  leaves[0]?.(null);
  await pass(governor, 'read');
});

test('a quota that ends soon is waited for, one that ends late is said; GraphQL has its own', async () => {
  const { clock, governor, quotas } = rig();
  await pass(governor, 'read', reply(200, quotaHeaders(clock, 0, 30)));
  assert.deepEqual(quotas, [{ resource: 'core', left: 0 }]);
  await pass(governor, 'graphql');
  const waiting = pass(governor, 'read', reply(200, quotaHeaders(clock, 0, 3000)));
  await settle();
  clock.pass(29_000);
  await settle();
  assert.equal(clock.waiting, 1);
  clock.pass(2000);
  await waiting;
  await assert.rejects(pass(governor, 'read'), refused);
  await pass(governor, 'graphql');
});

test('the last of the quota is for writes', async () => {
  const { clock, governor } = rig();
  await pass(governor, 'read', reply(200, quotaHeaders(clock, 60, 3000)));
  await assert.rejects(pass(governor, 'read'), refused);
  await pass(governor, 'write');
});

test('a pause without a length is a minute, and doubles until something succeeds', async () => {
  const { clock, governor } = rig();
  const limited = reply(403, {}, '{"message":"You have exceeded a secondary rate limit"}');
  const waits: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const before = clock.now();
    assert.equal(await pass(governor, 'read', limited), true);
    waits.push(governor.allowance().readyAt - before);
    clock.pass(waits.at(-1) ?? 0);
  }
  assert.deepEqual(
    waits.map((ms) => Math.round(ms / 1000)),
    [60, 120, 240],
  );
  await pass(governor, 'read');
  await pass(governor, 'read', limited);
  assert.equal(Math.round((governor.allowance().readyAt - clock.now()) / 1000), 60);
});

test('a quota that is used up although its hour is over is asked for no sooner than in a minute', async () => {
  const { clock, governor } = rig();
  assert.equal(await pass(governor, 'read', reply(403, quotaHeaders(clock, 0, -5))), true);
  const { readyAt } = governor.allowance();
  assert.ok(readyAt - clock.now() >= 60_000, `${readyAt - clock.now()} ms`);
});

test('no minute holds more points than GitHub allows', async () => {
  const { clock, governor } = rig();
  let passed = 0;
  const all = (async () => {
    for (let i = 0; i < 1000; i += 1) {
      await pass(governor, 'read');
      passed += 1;
    }
  })();
  for (let i = 0; i < 20; i += 1) await settle();
  while (clock.waiting === 0) await settle();
  assert.ok(passed <= 900 && passed > 700, String(passed));
  clock.pass(61_000);
  await all;
});

test('the allowance counts what was written', async () => {
  const { governor, clock } = rig();
  assert.deepEqual(governor.allowance(), { readyAt: clock.now(), leftThisHour: 500 });
  for (let i = 0; i < 3; i += 1) await pass(governor, 'write');
  assert.deepEqual(governor.allowance(), { readyAt: clock.now() + 1000, leftThisHour: 497 });
});

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { addFakeRun, createFakeWorld, type FakeWorld } from '../../test/support/fake-web-deps.ts';
import type { FakeLog } from '../../test/support/fake-log.ts';
import { createHandClock, type HandClock } from '../../test/support/hand-clock.ts';
import { until } from '../../test/support/until.ts';
import type { Outcome } from '../core/outcome.ts';
import type { AttemptDetail } from '../ledger/ledger-reader.ts';
import type { CliContext } from './cli-context.ts';
import { followRun } from './follow-run.ts';
import { createTerminal } from './output/terminal.ts';

interface Stage {
  readonly clock: HandClock;
  readonly out: () => string;
  readonly stdout: PassThrough;
  readonly err: () => string;
  readonly ended: Promise<Outcome | null>;
  readonly log: (n: number) => FakeLog;
  /** What the ledger says of the run's attempts from now on; `state` of the run. */
  readonly stand: (state: 'waiting' | 'running' | 'ended', attempts: readonly Partial<AttemptDetail>[]) => void;
}

const lost = { state: 'ended', isOwner: false, isAccepted: false, logSha256: null } as const;
const live = { state: 'live' } as const;
const passed = { state: 'ended', isAccepted: true, logSha256: null } as const;

/** Follows a run whose first attempt is live. */
function follow(t: TestContext): Stage {
  const world: FakeWorld = createFakeWorld();
  const jobId = addFakeRun(world, { state: 'running', attemptsDetail: [live, live] });
  const [both] = world.runs;
  assert.ok(both);
  const stand: Stage['stand'] = (state, attempts) => {
    world.runs[0] = {
      ...both,
      summary: { ...both.summary, state, outcome: state === 'ended' ? { kind: 'passed' } : null },
      attempts: both.attempts.slice(0, attempts.length).map((attempt, at) => ({ ...attempt, ...attempts[at] })),
    };
  };
  stand('running', [live]);
  const clock = createHandClock();
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const said = { out: '', err: '' };
  stdout.on('data', (bytes: Buffer) => (said.out += bytes.toString()));
  stderr.on('data', (bytes: Buffer) => (said.err += bytes.toString()));
  const env = { LANG: 'C.UTF-8' };
  const context = {
    out: createTerminal(stdout, env),
    err: createTerminal(stderr, env),
    clock,
    interruption: () => stop.signal,
  } as unknown as CliContext;
  const house = {
    reader: world.deps.reader,
    isRaw: false,
    openLog: ({ attempt, follow: isFollowing }: { attempt: AttemptDetail; follow: boolean }, signal: AbortSignal) =>
      world.deps.openLog({ storePrefix: attempt.storePrefix, fromByte: 0, follow: isFollowing }, signal),
  };
  return {
    clock,
    out: () => said.out,
    stdout,
    err: () => said.err,
    ended: followRun(house, jobId, context),
    stand,
    log: (n) => world.logs.get(both.attempts[n - 1]?.storePrefix ?? '') ?? assert.fail('no such log'),
  };
}

/** Lets time go by, a second at a time, until something is so. */
async function passUntil(clock: HandClock, isSo: () => boolean): Promise<void> {
  await until(() => {
    if (isSo()) return true;
    clock.pass(1_000);
    return false;
  });
}

test('an attempt that was lost and never sealed is left for the next one, which is said', async (t) => {
  const { clock, out, err, ended, stand, log } = follow(t);
  log(1).append('one ');
  await until(() => out() === 'one ');
  stand('running', [lost, live]);
  log(2).append('two');
  const since = clock.monotonic();
  await passUntil(clock, () => out() === 'one two');
  assert.ok(clock.monotonic() - since >= 10_000, 'the end of the log may have been on its way');
  assert.match(err(), /no more of the log of attempt 1 on laptop is known/);
  assert.match(err(), /attempt 2 on laptop/);
  log(2).seal();
  stand('ended', [lost, { ...passed, logSha256: 'f'.repeat(64) }]);
  await passUntil(clock, () => err().endsWith('\n'));
  clock.pass(1_000);
  assert.deepEqual(await ended, { kind: 'passed' });
});

test('a finished attempt whose log is still on its way is waited for, as long as bytes come and five minutes more', async (t) => {
  const { clock, out, err, ended, stand, log } = follow(t);
  stand('ended', [passed]);
  for (let at = 0; at < 5; at += 1) {
    log(1).append(`${String(at)} `);
    await until(() => out().endsWith(`${String(at)} `));
    // By steps, so that it looks at the run in between.
    for (let second = 0; second < 280; second += 4) {
      clock.pass(4_000);
      await new Promise(setImmediate);
    }
  }
  assert.equal(err(), '');
  log(1).append('end');
  log(1).seal();
  await until(() => out() === '0 1 2 3 4 end');
  assert.deepEqual(await ended, { kind: 'passed' });
  assert.equal(err(), '');
});

test('a reader who stops at a page gets the rest of what is there of a lost attempt', async (t) => {
  const { clock, out, stdout, err, stand, log } = follow(t);
  stdout.pause();
  log(1).append('x'.repeat(300 * 1024));
  stand('running', [lost]);
  for (let second = 0; second < 60; second += 1) {
    clock.pass(1_000);
    await new Promise(setImmediate);
  }
  assert.equal(err(), '');
  stdout.resume();
  await until(() => out().length === 300 * 1024);
  await passUntil(clock, () => err().includes('no more of the log'));
});

test('a run that passed is over although its log was never completed', async (t) => {
  const { clock, err, ended, stand } = follow(t);
  stand('ended', [passed]);
  await passUntil(clock, () => err().includes('no more of the log'));
  assert.ok(clock.monotonic() >= 300_000);
  assert.deepEqual(await ended, { kind: 'passed' });
});

test('a live attempt is followed however long it is silent, and a lost one that comes back as well', async (t) => {
  const { clock, out, err, stand, log } = follow(t);
  stand('running', [lost]);
  for (let second = 0; second < 8; second += 1) {
    clock.pass(1_000);
    await new Promise(setImmediate);
  }
  stand('running', [live]);
  for (let second = 0; second < 3_600; second += 30) {
    clock.pass(30_000);
    await new Promise(setImmediate);
  }
  assert.equal(err(), '');
  log(1).append('here');
  await until(() => out() === 'here');
});

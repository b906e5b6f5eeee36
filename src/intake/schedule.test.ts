import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import type { SchedulePolicy } from '../decide/schedule-policy.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';
import { createScheduler, type RepoSchedule } from './schedule.ts';

const hour = 3_600_000;
const day = 24 * hour;
const nightly: SchedulePolicy = {
  name: 'nightly',
  cron: '0 2 * * *',
  timezone: 'UTC',
  branch: 'main',
  contexts: ['**'],
  reportsIssue: false,
};

/** A scheduler that begins on a Sunday at noon; each `pass` lets it see how the time goes by. */
function scheduling(t: CleansUp, schedules: SchedulePolicy[] = [nightly], startAt = '2026-11-22T12:00:00Z') {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const clock = createHandClock(Date.parse(startAt));
  let policies: RepoSchedule[] = schedules.map((schedule) => ({ forge: 'git', repo: 'demo', schedule }));
  let woken = 0;
  let life: { end: () => Promise<void>; wake: () => void } | null = null;
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const start = async (over: Ledger = ledger): Promise<void> => {
    const scheduler = createScheduler({
      policies: () => policies,
      ledger: over,
      clock,
      random: systemRandom,
      logger: silentLogger,
      onSlot: () => (woken += 1),
    });
    const stop = new AbortController();
    const running = scheduler.run(stop.signal);
    life = {
      wake: () => {
        scheduler.wake();
      },
      end: async () => {
        stop.abort();
        await running;
      },
    };
    await settle();
  };
  t.after(() => life?.end());
  return {
    ledger,
    clock,
    start,
    stop: () => life?.end(),
    woken: () => woken,
    configure: async (next: readonly RepoSchedule[]) => {
      policies = [...next];
      life?.wake();
      await settle();
    },
    pass: async (ms: number, stepMs = hour) => {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.pass(Math.min(left, stepMs));
        await settle();
      }
    },
    /** What came, in order; `~` marks what is only resumed. */
    slots: async () =>
      (await ledger.pendingDeliveries(1_000)).flatMap(({ event }) =>
        event.kind === 'schedule'
          ? [`${event.isOnlyResumed === true ? '~' : ''}${new Date(event.slot.at).toISOString().slice(0, 16)}`]
          : [],
      ),
  };
}

const first = '~2026-11-22T02:00';

test('each slot is one delivery for its branch, whose id says which', async (t) => {
  const { ledger, start, pass, slots, woken } = scheduling(t);
  await start();
  await pass(2 * day);
  assert.deepEqual(await slots(), [first, '2026-11-23T02:00', '2026-11-24T02:00']);
  assert.equal(woken(), 3);
  const [, delivery] = await ledger.pendingDeliveries(9);
  assert.deepEqual(
    [delivery?.id, delivery?.event],
    [
      'schedule|git|demo|nightly|2026-11-23T02:00:00.000Z',
      {
        kind: 'schedule',
        forge: 'git',
        repo: 'demo',
        changeKey: 'git|demo|branch/main',
        slot: { name: 'nightly', at: Date.parse('2026-11-23T02:00:00Z'), contexts: ['**'] },
      },
    ],
  );
});

test('a slot comes at its minute, not when somebody next looks', async (t) => {
  const { clock, start, pass, ledger } = scheduling(t, [nightly], '2026-11-23T01:59:30Z');
  await start();
  await pass(30_000, 1_000);
  const last = (await ledger.pendingDeliveries(9)).at(-1);
  assert.equal(last?.receivedAt, Date.parse('2026-11-23T02:00:00Z'));
  assert.equal(clock.now(), last.receivedAt);
});

test('of the slots that were missed only the newest is made up for, and it once', async (t) => {
  const { start, stop, pass, slots } = scheduling(t);
  await start();
  await stop();
  await pass(3 * day, 3 * day);
  for (let life = 0; life < 3; life += 1) {
    await start();
    await stop();
  }
  assert.deepEqual(await slots(), [first, '2026-11-25T02:00']);
});

test('what was missed longer ago than a week is not made up for', async (t) => {
  const monthly = { ...nightly, cron: '0 2 1 * *' };
  const { start, stop, pass, slots } = scheduling(t, [monthly]);
  await start();
  await stop();
  await pass(20 * day, 20 * day);
  await start();
  assert.deepEqual(await slots(), []);
  await pass(30 * day, 6 * hour);
  assert.deepEqual(await slots(), ['2027-01-01T02:00']);
});

test('a schedule that is new, or has other times than before, owes nothing of the past', async (t) => {
  const { start, stop, pass, slots, configure } = scheduling(t);
  await start();
  const edited = { ...nightly, cron: '0 11 * * *' };
  await configure([{ forge: 'git', repo: 'demo', schedule: edited }]);
  assert.deepEqual(await slots(), [first, '~2026-11-22T11:00']);
  // Seen once, it counts also when its first slot falls into a downtime.
  await stop();
  await pass(day, day);
  await start();
  assert.deepEqual((await slots()).slice(2), ['2026-11-23T11:00']);
  // Gone for days and back again, it is a new one.
  await configure([]);
  await pass(2 * day, 6 * hour);
  await configure([{ forge: 'git', repo: 'demo', schedule: edited }]);
  assert.deepEqual((await slots()).slice(3), ['~2026-11-25T11:00']);
});

test('an edit of its contexts leaves it the same schedule', async (t) => {
  const { start, pass, slots, configure, ledger } = scheduling(t);
  await start();
  await configure([{ forge: 'git', repo: 'demo', schedule: { ...nightly, contexts: ['fedora/*'] } }]);
  await pass(day);
  assert.deepEqual(await slots(), [first, '2026-11-23T02:00']);
  const { event } = (await ledger.pendingDeliveries(9))[1] ?? assert.fail();
  assert.deepEqual(event.kind === 'schedule' && event.slot.contexts, ['fedora/*']);
});

test('a process that dies before or after the slot was recorded runs it once', async (t) => {
  for (const isRecorded of [false, true]) {
    const { ledger, start, stop, pass, slots } = scheduling(t);
    await start();
    await stop();
    await pass(day, day);
    const forever = new Promise<never>(() => undefined);
    // It never hears whether its write was made.
    void start({
      ...ledger,
      settleSchedule: async (...call) => {
        if (isRecorded) await ledger.settleSchedule(...call);
        return forever;
      },
    });
    await pass(1_000, 1_000);
    await start();
    assert.deepEqual(await slots(), [first, '2026-11-23T02:00']);
  }
});

test('a clock that is set back runs nothing twice, and one that jumps ahead runs the newest', async (t) => {
  const { ledger, start, pass, slots, clock } = scheduling(t);
  await start();
  await pass(day);
  const back = createHandClock(Date.parse('2026-11-22T23:00:00Z'));
  const scheduler = createScheduler({
    policies: () => [{ forge: 'git', repo: 'demo', schedule: nightly }],
    ledger,
    clock: back,
    random: systemRandom,
    logger: silentLogger,
    onSlot: () => assert.fail('twice'),
  });
  const stop = new AbortController();
  const running = scheduler.run(stop.signal);
  for (let step = 0; step < 6; step += 1) {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    back.pass(hour);
  }
  stop.abort();
  await running;
  assert.equal((await slots()).length, 2);
  clock.pass(5 * day);
  await pass(1_000, 1_000);
  assert.deepEqual((await slots()).slice(2), ['2026-11-28T02:00']);
});

test('an expression that is none, or a ledger that fails, hinders no other schedule for long', async (t) => {
  const { ledger, start, pass, slots } = scheduling(t, [{ ...nightly, name: 'odd', cron: 'never' }, nightly]);
  let failures = 0;
  await start({
    ...ledger,
    settleSchedule: (...call) => {
      failures += 1;
      return failures < 3 ? Promise.reject(new Error('disk full')) : ledger.settleSchedule(...call);
    },
  });
  await pass(60_000, 10_000);
  assert.deepEqual(await slots(), [first]);
});

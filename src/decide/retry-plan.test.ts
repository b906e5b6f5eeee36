import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BrokenCause, Outcome } from '../core/outcome.ts';
import { afterBroken, countsAsTry, defaultRetryPlan as plan } from './retry-plan.ts';
import { verdictStateOf } from './verdict-state.ts';

const again = (pauseMs: number) => ({ kind: 'again', pauseMs });
const giveUp = { kind: 'give-up' };
const cases: readonly (readonly [BrokenCause, counted: number, total: number, expected: object])[] = [
  ['checkout', 1, 1, again(5_000)],
  ['executor', 2, 2, again(60_000)],
  ['image-pull', 3, 3, giveUp],
  ['lost', 1, 1, again(0)],
  ['worker-restart', 2, 2, again(0)],
  ['lost', 3, 3, giveUp],
  ['gave-back', 0, 1, again(0)],
  ['gave-back', 0, 11, again(0)],
  ['gave-back', 0, 12, giveUp],
  ['gave-back', 3, 4, giveUp],
  ['poison', 1, 1, giveUp],
];

for (const [cause, counted, total, expected] of cases) {
  test(`${cause} as counted try ${counted} of ${total} leads to ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(afterBroken(plan, cause, { counted, total }), expected);
  });
}

test('the last pause repeats, and a plan without pauses has none', () => {
  assert.deepEqual(afterBroken({ ...plan, attempts: 9 }, 'disk', { counted: 5, total: 5 }), again(60_000));
  assert.deepEqual(afterBroken({ ...plan, pausesMs: [] }, 'disk', { counted: 1, total: 1 }), again(0));
});

test('only what says something about the job counts as a try', () => {
  const broken = (cause: BrokenCause): Outcome => ({ kind: 'broken', cause, phase: 'running' });
  assert.deepEqual(
    [
      broken('lost'),
      broken('gave-back'),
      broken('disk'),
      { kind: 'canceled', reason: 'withdrawn', by: 'x' } as const,
    ].map(countsAsTry),
    [true, false, true, false],
  );
});

test('the machinery’s failures and cancels are errors, never the red of a failed test', () => {
  const states: readonly (readonly [Outcome | null, string])[] = [
    [null, 'pending'],
    [{ kind: 'passed' }, 'success'],
    [{ kind: 'failed', exitCode: 1, reason: 'exit' }, 'failure'],
    [{ kind: 'timed-out', afterMs: 1 }, 'failure'],
    [{ kind: 'canceled', reason: 'person', by: 'x' }, 'error'],
    [{ kind: 'broken', cause: 'lost', phase: 'running' }, 'error'],
  ];
  for (const [outcome, state] of states) assert.equal(verdictStateOf(outcome), state);
});

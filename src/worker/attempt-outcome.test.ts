import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEnd } from '../executors/executor.ts';
import { outcomeOfEnd } from './attempt-outcome.ts';

const exited = (exitCode: number, stoppedBy: 'timeout' | 'stopped' | null = null): RunEnd => ({
  kind: 'exited',
  exitCode,
  stoppedBy,
  oom: 'no',
  peakMemoryBytes: null,
  startedAt: 1,
  endedAt: 2,
});

test('an exit status is the verdict of a run that nobody stopped', () => {
  assert.deepEqual(outcomeOfEnd(exited(0), null, 1000), { kind: 'passed' });
  assert.deepEqual(outcomeOfEnd(exited(3), null, 1000), { kind: 'failed', exitCode: 3, reason: 'exit' });
});

test('a run that was stopped gives no verdict, even when the worker that knew why was killed', () => {
  for (const exitCode of [0, 143]) {
    const outcome = outcomeOfEnd(exited(exitCode, 'stopped'), null, 1000);
    assert.deepEqual([outcome.kind, outcome.kind === 'broken' && outcome.cause], ['broken', 'worker-restart']);
  }
  const request = { kind: 'cancel', reason: 'withdrawn', by: 'another attempt runs' } as const;
  assert.deepEqual(outcomeOfEnd(exited(143, 'stopped'), { kind: 'asked', request }, 1000), {
    kind: 'canceled',
    reason: 'withdrawn',
    by: 'another attempt runs',
  });
});

test('a disk that others filled is never the fault of the change', () => {
  const outcome = outcomeOfEnd(exited(143, 'stopped'), { kind: 'disk-full', detail: 'full' }, 1000);
  assert.deepEqual(outcome, { kind: 'broken', cause: 'disk', phase: 'running', detail: 'full' });
});

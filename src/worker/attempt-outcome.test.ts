import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunEnd } from '../executors/executor.ts';
import type { Outcome } from '../core/outcome.ts';
import { outcomeOfEnd, outcomeOfStop, type StopReason } from './attempt-outcome.ts';

const exited = (given: Partial<RunEnd & { kind: 'exited' }> = {}): RunEnd => ({
  kind: 'exited',
  exitCode: 0,
  stoppedBy: null,
  oom: 'no',
  peakMemoryBytes: null,
  startedAt: 1,
  endedAt: 2,
  ...given,
});
const brokenEnd = (given: Partial<RunEnd & { kind: 'broken' }> = {}): RunEnd => ({
  kind: 'broken',
  cause: 'executor',
  detail: 'why',
  isChangesFault: false,
  ...given,
});
const asked: StopReason = { kind: 'asked', request: { kind: 'cancel', reason: 'superseded', by: 'b'.repeat(40) } };
const canceled: Outcome = { kind: 'canceled', reason: 'superseded', by: 'b'.repeat(40) };
const leaving: StopReason = { kind: 'asked', request: { kind: 'leaving' } };

const forgotten: Outcome = {
  kind: 'broken',
  cause: 'worker-restart',
  phase: 'running',
  detail: 'it was stopped, and the worker killed before it could say why',
};

const table: readonly [string, RunEnd, StopReason | null, Outcome][] = [
  ['exit 0 is passed', exited(), null, { kind: 'passed' }],
  ['another exit is failed', exited({ exitCode: 3 }), null, { kind: 'failed', exitCode: 3, reason: 'exit' }],
  [
    'with evidence it is out of memory',
    exited({ exitCode: 137, oom: 'yes' }),
    null,
    { kind: 'failed', exitCode: 137, reason: 'out-of-memory' },
  ],
  [
    'without evidence memory is not blamed',
    exited({ exitCode: 137, oom: 'unknown' }),
    null,
    { kind: 'failed', exitCode: 137, reason: 'exit' },
  ],
  ['who survived the death of a child has passed', exited({ oom: 'yes' }), null, { kind: 'passed' }],
  ['a time-out', exited({ exitCode: 143, stoppedBy: 'timeout' }), null, { kind: 'timed-out', afterMs: 7 }],
  [
    'a time-out that came before the cancel stays one',
    exited({ exitCode: 143, stoppedBy: 'timeout' }),
    asked,
    { kind: 'timed-out', afterMs: 7 },
  ],
  ['stopped because canceled', exited({ exitCode: 143, stoppedBy: 'stopped' }), asked, canceled],
  ['exit 0 after our SIGTERM is canceled all the same', exited({ stoppedBy: 'stopped' }), asked, canceled],
  ['an end that came before the cancel stays', exited(), asked, { kind: 'passed' }],
  [
    'the worker leaves',
    exited({ exitCode: 143, stoppedBy: 'stopped' }),
    leaving,
    { kind: 'broken', cause: 'gave-back', phase: 'running' },
  ],
  [
    'too much disk',
    exited({ exitCode: 143, stoppedBy: 'stopped' }),
    { kind: 'disk-limit', detail: 'd' },
    { kind: 'failed', exitCode: 143, reason: 'disk-limit', detail: 'd' },
  ],
  [
    'too much log',
    exited({ exitCode: 143, stoppedBy: 'stopped' }),
    { kind: 'log-limit', detail: 'd' },
    { kind: 'failed', exitCode: 143, reason: 'log-limit', detail: 'd' },
  ],
  [
    'a disk that others filled',
    exited({ exitCode: 143, stoppedBy: 'stopped' }),
    { kind: 'disk-full', detail: 'd' },
    { kind: 'broken', cause: 'disk', phase: 'running', detail: 'd' },
  ],
  ['stopped by a worker that was then killed', exited({ exitCode: 143, stoppedBy: 'stopped' }), null, forgotten],
  ['exit 0 after the SIGTERM of a worker that was then killed', exited({ stoppedBy: 'stopped' }), null, forgotten],
  [
    'the image that the change names is unknown',
    brokenEnd({ cause: 'unknown-image', isChangesFault: true }),
    null,
    { kind: 'failed', exitCode: null, reason: 'unknown-image', detail: 'why' },
  ],
  [
    'the image that the operator names is unknown',
    brokenEnd({ cause: 'unknown-image' }),
    null,
    { kind: 'broken', cause: 'image-pull', phase: 'starting', detail: 'why' },
  ],
  [
    'the registry is away',
    brokenEnd({ cause: 'image-pull' }),
    null,
    { kind: 'broken', cause: 'image-pull', phase: 'starting', detail: 'why' },
  ],
  ['the executor broke', brokenEnd(), null, { kind: 'broken', cause: 'executor', phase: 'starting', detail: 'why' }],
  ['canceled while the image came', brokenEnd({ cause: 'image-pull' }), asked, canceled],
];

for (const [title, end, stopped, outcome] of table) {
  test(title, () => {
    assert.deepEqual(outcomeOfEnd(end, stopped, 7), outcome);
  });
}

test('a stop before the command ran is no verdict', () => {
  assert.equal(outcomeOfStop({ kind: 'leaving' }).kind, 'broken');
  assert.deepEqual(outcomeOfStop({ kind: 'cancel', reason: 'person', by: 'ada' }), {
    kind: 'canceled',
    reason: 'person',
    by: 'ada',
  });
});

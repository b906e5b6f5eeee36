import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunSpec } from '../executors/executor.ts';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import { fetchProgress, stopLine, testingLine, warnOfTimeout } from './attempt-notes.ts';

function notes(): { readonly lines: string[]; note(line: string): void } {
  const lines: string[] = [];
  return { lines, note: (line) => void lines.push(line) };
}

// Only the times are looked at.
const spec = (timeoutMs: number): RunSpec => ({ timeoutMs, graceMs: 30_000 }) as unknown as RunSpec;

test('of a fetch that is over in a moment nothing is said, of a slow one what git counts, of the remote nothing', () => {
  const clock = createHandClock();
  const log = notes();
  const hear = fetchProgress(clock, log);
  hear('remote: Counting objects: 100% (8/8), done.');
  hear('Receiving objects: 100% (8/8), 584 bytes | 584.00 KiB/s, done.');
  hear('the cached copy of the repository is damaged: fetching it anew');
  clock.pass(2_500);
  hear('Receiving objects:  45% (450/1000), 12.00 MiB | 4.00 MiB/s');
  hear('remote: hello');
  assert.deepEqual(log.lines, [
    'the cached copy of the repository is damaged: fetching it anew',
    'Receiving objects:  45% (450/1000), 12.00 MiB | 4.00 MiB/s',
  ]);
});

test('the log begins with what is tested', () => {
  const branch = anOrder();
  assert.equal(testingLine(branch, null, branch.subject.sha), 'testing aaaaaaaaaaaa (main)');
  const pull = anOrder({ pull: 7, integration: 'merge' });
  assert.equal(
    testingLine(pull, shaOf('b'), shaOf('c')),
    'testing aaaaaaaaaaaa (pull request 7), merged onto bbbbbbbbbbbb',
  );
  assert.equal(testingLine(pull, shaOf('b'), pull.subject.sha), 'testing aaaaaaaaaaaa (pull request 7)');
  const rebased = { ...pull, integration: 'rebase' } as const;
  assert.match(testingLine(rebased, shaOf('b'), shaOf('c')), /, rebased onto b{12}$/);
  const elsewhere = { ...pull, commandSubject: { ...pull.subject, repo: 'x/tests', sha: shaOf('d') } };
  assert.equal(
    testingLine(elsewhere, null, shaOf('d')),
    'testing aaaaaaaaaaaa (pull request 7), with the tests of x/tests at dddddddddddd',
  );
});

test('a time-out is announced, and a run that was taken up again has used some of its time', () => {
  const clock = createHandClock();
  const log = notes();
  warnOfTimeout(clock, spec(60 * 60_000), log, clock.now() - 50 * 60_000);
  clock.pass(5 * 60_000);
  assert.deepEqual(log.lines, ['warning: the time-out of 60 min comes in 5 min']);
  clock.pass(5 * 60_000);
  assert.deepEqual(log.lines.slice(1), ['time-out after 60 min: SIGTERM now, SIGKILL in 30 s']);
  warnOfTimeout(clock, spec(1_000), log, clock.now() - 2_000);
  assert.equal(clock.waiting, 0, 'what is past is not said');
});

test('a clock that stepped back does not make the time longer', () => {
  const clock = createHandClock();
  const log = notes();
  warnOfTimeout(clock, spec(10_000), log, clock.now() + 3_600_000);
  clock.pass(10_000);
  assert.equal(log.lines.length, 2);
});

test('a stop says why and how', () => {
  const request = { kind: 'cancel', reason: 'superseded', by: 'x'.repeat(200) } as const;
  assert.equal(
    stopLine({ kind: 'asked', request }, 30_000),
    `stopping: superseded (${'x'.repeat(80)}); SIGTERM now, SIGKILL in 30 s`,
  );
  assert.match(stopLine({ kind: 'asked', request: { kind: 'leaving' } }, 1_000), /^stopping: this worker leaves;/);
});

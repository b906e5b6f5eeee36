import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import { isSkipLink, parseRunLink } from '../core/run-link.ts';
import type { CancelReason, Outcome } from '../core/outcome.ts';
import type { JobStanding, ReportDue } from '../ledger/report-due.ts';
import { endWords, durationWords, oneLine, outcomeWords, standingWords, verdictOf, type Told } from './words.ts';

function told(about: ReportDue['about']): Told {
  return { about, sha: shaOf('a') };
}

/** What a stranger may write into a name or a message. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom(
      '\n',
      '\r',
      '\u0000',
      '\u001b[2J',
      '\u202e',
      '\u2028',
      '\u0085',
      ' ',
      'a',
      '💥',
      '\ud83d',
      '\udca5',
    ),
    maxLength: 400,
  }),
  fc.constantFrom('', ' ', 'x'.repeat(100_000), '💥'.repeat(200), 'word '.repeat(100)),
);

const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constant<Outcome>({ kind: 'passed' }),
  fc.record({
    kind: fc.constant('failed' as const),
    exitCode: fc.option(fc.integer()),
    reason: fc.constantFrom(
      'exit',
      'merge-conflict',
      'container-file',
      'unknown-image',
      'nothing-to-run',
      'disk-limit',
      'log-limit',
      'out-of-memory',
    ),
    detail: hostile,
  }),
  fc.record({ kind: fc.constant('timed-out' as const), afterMs: fc.nat() }),
  fc.record({
    kind: fc.constant('canceled' as const),
    reason: fc.constantFrom('superseded', 'closed', 'untrusted', 'policy', 'person', 'withdrawn'),
    by: hostile,
  }),
  fc.record({
    kind: fc.constant('broken' as const),
    cause: fc.constantFrom(
      'lost',
      'gave-back',
      'checkout',
      'image-pull',
      'executor',
      'disk',
      'store',
      'poison',
      'worker-restart',
      'refused',
      'internal',
    ),
    phase: fc.constantFrom('claimed', 'checkout', 'starting', 'running', 'saving'),
    detail: hostile,
  }),
);

const standing: fc.Arbitrary<JobStanding> = fc.record({
  jobId: fc.constant(anOrder().id),
  generation: fc.integer({ min: 1, max: 999_999_999 }),
  state: fc.constantFrom('waiting', 'offered', 'running', 'ended'),
  phase: fc.constantFrom(null, 'claimed', 'checkout', 'starting', 'running', 'saving'),
  outcome: fc.option(outcome),
  attempts: fc.nat({ max: 12 }),
});

function assertSayable(sentence: string): void {
  assert.ok(sentence.length <= 140, `${String(sentence.length)} characters`);
  assert.doesNotMatch(sentence, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
  assert.ok(sentence.isWellFormed(), 'no half of a character');
  assert.equal(sentence, sentence.trim());
}

test('whatever strangers write, a sentence is one printable line of at most 140 characters', () => {
  fc.assert(
    fc.property(standing, hostile, hostile, (where, why, notice) => {
      const abouts: ReportDue['about'][] = [
        { kind: 'notice', notice: { kind: 'skipped', sentence: notice } },
        { kind: 'notice', notice: { kind: 'nothing-to-run', sentence: notice } },
        { kind: 'job', standing: where, job: anOrder() },
        { kind: 'notice', notice: { kind: 'needs-approval', sentence: notice } },
        { kind: 'notice', notice: null },
      ];
      for (const about of abouts) assertSayable(verdictOf(told(about), why).sentence);
      assertSayable(standingWords(where, why));
      assertSayable(oneLine(why));
    }),
  );
});

test('a sentence that is too long is cut at a word and says so', () => {
  assert.equal(oneLine('one two three', 9), 'one two…');
  assert.equal(oneLine('one two three', 13), 'one two three');
  assert.equal(oneLine('onetwothree', 9), 'onetwoth…', 'a word that fills it is cut');
  assert.equal(oneLine('💥💥💥', 4), '💥…');
  assert.equal(oneLine('  a\n\tb\u001b[31m '), 'a b [31m');
});

test('each outcome has its sentence, and the machinery’s failures name themselves', () => {
  const sentences: readonly (readonly [Outcome, string])[] = [
    [{ kind: 'passed' }, 'Passed'],
    [{ kind: 'failed', exitCode: 3, reason: 'exit' }, 'Tests failed (exit status 3)'],
    [{ kind: 'failed', exitCode: null, reason: 'exit' }, 'Tests failed'],
    [{ kind: 'failed', exitCode: 1, reason: 'exit', detail: '2 of 40 failed' }, 'Tests failed: 2 of 40 failed'],
    [{ kind: 'failed', exitCode: null, reason: 'merge-conflict' }, 'Does not merge with its base branch'],
    [{ kind: 'timed-out', afterMs: 90 * 60_000 }, 'Timed out after 90 min'],
    [{ kind: 'canceled', reason: 'superseded', by: 'c'.repeat(40) }, `Superseded by ${'c'.repeat(12)}`],
    [{ kind: 'canceled', reason: 'person', by: 'ada' }, 'Canceled by ada'],
    [{ kind: 'broken', cause: 'lost', phase: 'running' }, 'Infrastructure: The worker was lost'],
    [
      { kind: 'broken', cause: 'image-pull', phase: 'starting', detail: 'no route' },
      'Infrastructure: The container image could not be fetched: no route',
    ],
  ];
  for (const [of, sentence] of sentences) assert.equal(outcomeWords(of), sentence);
});

test('a job on its way says how far it is, and that it is tried again', () => {
  const at = (given: Partial<JobStanding>, why: string | null = null): string =>
    standingWords(
      { jobId: anOrder().id, generation: 1, state: 'waiting', phase: null, outcome: null, attempts: 0, ...given },
      why,
    );
  assert.equal(at({}), 'Waiting');
  assert.equal(at({}, 'no worker is here'), 'Waiting: no worker is here');
  assert.equal(at({ state: 'offered', attempts: 1 }), 'Waiting for a worker');
  assert.equal(at({ state: 'running', phase: 'running', attempts: 2 }), 'In progress (attempt 2)');
  assert.equal(at({ state: 'running' }), 'Starting');
});

test('durations are in the unit that people would use', () => {
  const words = [0, 1_499, 99_000, 100_000, 99 * 60_000, 100 * 60_000, 26 * 3_600_000].map(durationWords);
  assert.deepEqual(words, ['0 s', '1 s', '99 s', '2 min', '99 min', '1 h 40 min', '26 h 0 min']);
});

test('who was stopped by the configuration or for want of trust is told so', () => {
  const words = (reason: CancelReason, by: string): string => outcomeWords({ kind: 'canceled', reason, by });
  assert.equal(words('untrusted', 'mallory'), 'Canceled: its author is not trusted any more; waits for approval');
  assert.equal(words('policy', 'check'), 'Canceled: the configuration has no such check any more');
  assert.equal(words('policy', 'project'), 'Canceled: the configuration has no such project any more');
});

test('R11: the link of a status carries all that a lost ledger must learn from it', () => {
  const job = anOrder({ occasion: 'request:7' });
  const about = (given: Partial<JobStanding>): ReportDue['about'] => ({
    kind: 'job',
    job,
    standing: { jobId: job.id, generation: 4, state: 'running', phase: null, outcome: null, attempts: 1, ...given },
  });
  const link = (given: Partial<JobStanding>) =>
    parseRunLink(`https://ci.example.org${verdictOf(told(about(given)), null).path}`);
  const kept = { jobId: job.id, generation: 4, changeJobId: anOrder().id, isCanceled: false };
  assert.deepEqual(link({}), kept);
  const canceled = (reason: CancelReason) => link({ state: 'ended', outcome: { kind: 'canceled', reason, by: 'x' } });
  assert.deepEqual(canceled('superseded'), { ...kept, isCanceled: true });
  assert.deepEqual(canceled('closed'), { ...kept, isCanceled: true });
  assert.deepEqual(canceled('untrusted'), { ...kept, isCanceled: true });
  assert.deepEqual(canceled('policy'), { ...kept, isCanceled: true });
  assert.deepEqual(canceled('person'), kept, 'a person’s cancel is final');
});

test('a notice is pending while somebody has to act, and green when there is nothing to do', () => {
  const of = (kind: 'needs-approval' | 'nothing-to-run') =>
    verdictOf(told({ kind: 'notice', notice: { kind, sentence: 's' } }), null);
  assert.deepEqual(of('needs-approval'), {
    state: 'pending',
    sentence: `Waiting: a maintainer may comment /ok-to-test ${'a'.repeat(40)}`,
    path: '/',
  });
  assert.deepEqual(of('nothing-to-run'), { state: 'success', sentence: 's', path: '/' });
  assert.equal(verdictOf(told({ kind: 'notice', notice: null }), null).state, 'success');
});

test('R11: a skipped context is green, says why, and its link says that a person skipped it, or the policy', () => {
  const skip = (isByPolicy: boolean) =>
    verdictOf(told({ kind: 'notice', notice: { kind: 'skipped', sentence: 'Broken upstream\n', isByPolicy } }), null);
  assert.deepEqual([skip(false).state, skip(false).sentence], ['success', 'Broken upstream']);
  assert.deepEqual([isSkipLink(skip(false).path), isSkipLink(skip(true).path)], [true, false]);
});

test('the last line of a log says how it ended, with which status and after how long', () => {
  assert.equal(endWords({ kind: 'passed' }, 12_000), 'Passed after 12 s');
  assert.equal(endWords({ kind: 'passed' }, 300), 'Passed');
  const failed = { kind: 'failed', exitCode: 3, reason: 'exit' } as const;
  assert.equal(endWords(failed, 200_000), 'Tests failed (exit status 3) after 3 min');
  const hungry = { kind: 'failed', exitCode: 137, reason: 'out-of-memory' } as const;
  assert.equal(endWords(hungry, 5_000), 'Stopped: used more memory than allowed, exit status 137 after 5 s');
  assert.equal(endWords({ kind: 'timed-out', afterMs: 60_000 }, 61_000), 'Timed out after 60 s');
  assert.equal(endWords({ kind: 'canceled', reason: 'person', by: 'ada' }, null), 'Canceled by ada');
});

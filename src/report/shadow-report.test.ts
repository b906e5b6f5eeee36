import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome } from '../core/outcome.ts';
import type { VerdictState } from '../core/verdict.ts';
import type { ShadowRow } from '../ledger/ledger-reader.ts';
import { compareShadow, matchOf, type ShadowMatch } from './shadow-report.ts';
import { shadowLines } from './shadow-words.ts';

const passed: Outcome = { kind: 'passed' };
const failed: Outcome = { kind: 'failed', exitCode: 1, reason: 'exit' };
const broken: Outcome = { kind: 'broken', cause: 'lost', phase: 'running' };

let commits = 0;

/** `ours` undefined: we have no such job; null: it has not ended. */
function row(ours: Outcome | null | undefined, theirs: VerdictState | null, given: Partial<ShadowRow> = {}): ShadowRow {
  commits += 1;
  return {
    forge: 'hub',
    repo: 'team/project',
    sha: commits.toString(16).padStart(40, '0'),
    context: 'fedora',
    ours: ours === undefined ? null : { outcome: ours, queuedAt: 1_000, endedAt: ours === null ? null : 61_000 },
    theirs: theirs === null ? null : { state: theirs, creator: 'other', pendingAt: 2_000, finalAt: 182_000 },
    ...given,
  };
}

const table: readonly (readonly [Outcome | null | undefined, VerdictState | null, ShadowMatch])[] = [
  [passed, 'success', 'both-green'],
  [failed, 'failure', 'both-red'],
  [{ kind: 'timed-out', afterMs: 1 }, 'failure', 'both-red'],
  [failed, 'success', 'we-red-they-green'],
  [passed, 'failure', 'we-green-they-red'],
  [broken, 'success', 'our-error'],
  [broken, 'failure', 'our-error'],
  [passed, 'error', 'their-error'],
  [null, 'success', 'unfinished'],
  [passed, 'pending', 'unfinished'],
  [{ kind: 'canceled', reason: 'superseded', by: 'b' }, 'failure', 'unfinished'],
  [passed, null, 'only-ours'],
  [undefined, 'failure', 'only-theirs'],
];

for (const [ours, theirs, match] of table) {
  test(`ours ${ours === undefined ? 'none' : (ours?.kind ?? 'running')}, theirs ${theirs ?? 'none'}: ${match}`, () => {
    assert.equal(matchOf(row(ours, theirs)), match);
  });
}

test('contexts are compared each by itself, with the times of what both judged', () => {
  const differing = row(failed, 'success');
  const report = compareShadow([
    row(passed, 'success'),
    differing,
    row(null, 'success', { theirs: { state: 'success', creator: null, pendingAt: 0, finalAt: 9e9 } }),
    row(passed, null, { context: 'debian' }),
    row(passed, 'success', { theirs: { state: 'success', creator: null, pendingAt: null, finalAt: 5 } }),
  ]);
  assert.deepEqual([report.agreeing, report.compared], [2, 3]);
  const [debian, fedora, ...others] = report.contexts;
  assert.ok(debian !== undefined && fedora !== undefined && others.length === 0);
  assert.deepEqual(
    [debian.context, debian.counts['only-ours'], debian.times],
    ['debian', 1, { ours: null, theirs: null }],
  );
  assert.deepEqual(fedora.times, { ours: 60_000, theirs: 180_000 });
  assert.deepEqual(fedora.differing, [
    { match: 'we-red-they-green', sha: differing.sha, ours: 'failure', theirs: 'success' },
  ]);
  assert.deepEqual([fedora.counts['both-green'], fedora.counts.unfinished], [2, 1]);
});

test('of many differences the latest ten are told', () => {
  const rows = Array.from({ length: 30 }, () => row(failed, 'success'));
  const [only] = compareShadow(rows).contexts;
  assert.deepEqual(
    only?.differing.map(({ sha }) => sha),
    rows.slice(0, 10).map(({ sha }) => sha),
  );
  assert.equal(only?.counts['we-red-they-green'], 30);
});

test('the report says in lines what is the same, what is not, and how long it took', () => {
  const differing = row(passed, 'failure');
  assert.deepEqual(shadowLines(compareShadow([row(passed, 'success'), differing, row(undefined, 'success')])), [
    '1 of 2 verdicts are the same (50.0 %).',
    '',
    'team/project  fedora',
    '  1 same, 1 we green, they red, 1 only theirs',
    '  median time to the verdict: ours 60 s, theirs 3 min',
    `  differs at ${differing.sha.slice(0, 12)}: ours success, theirs failure`,
  ]);
  assert.match(shadowLines(compareShadow([])).join(), /No other CI/);
  assert.match(shadowLines(compareShadow([row(passed, null)]))[0] ?? '', /No commit has a verdict of both yet/);
});

test('a name that a stranger chose stays on its line', () => {
  const lines = shadowLines(compareShadow([row(passed, 'success', { context: `evil\n\u001b[2J${'x'.repeat(999)}` })]));
  for (const line of lines) assert.ok(line.length <= 200 && !/[\n\u001b]/.test(line));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ask,
  canceled,
  check,
  deploy,
  failed,
  foreign,
  known,
  passed,
  seen,
  skippedStatus,
  snapshotOf,
  stranger,
  unit,
} from '../../test/support/decide-world.ts';
import { jobIdOf } from '../core/job.ts';
import type { Snapshot } from '../core/snapshot.ts';
import { decideChange } from './decide-change.ts';
import { explainChange } from './explain.ts';

const both = { kind: 'checks', checks: [check(unit), check(deploy)] } as const;
const lines = (snapshot: Snapshot): readonly string[] =>
  explainChange(snapshot).map(({ context, runs, why }) => `${runs ? '+' : '-'} ${context}: ${why}`);

for (const [title, snapshot, said] of [
  [
    'what a push wants',
    snapshotOf({ plan: both }),
    ['+ unit: The policy wants it for pushes to main.', '+ deploy: The policy wants it for pushes to main.'],
  ],
  [
    'what waits, and what was judged',
    snapshotOf({ plan: both, jobs: [known(unit), known(deploy, { outcome: failed })] }),
    ['+ unit: It waits or runs already.', '+ deploy: This commit has its verdict: failure.'],
  ],
  [
    'what only the forge remembers, and what a person stopped',
    snapshotOf({
      plan: both,
      statuses: [seen(unit, passed)],
      jobs: [known(deploy, { outcome: canceled('person') })],
    }),
    ['+ unit: This commit has its verdict: success.', '+ deploy: This commit has its verdict: canceled by x.'],
  ],
  [
    'what needs a person',
    snapshotOf({
      plan: {
        kind: 'checks',
        checks: [check(unit, true), { ...check(deploy, true), whyManual: 'drafts are not tested here' }],
      },
    }),
    [
      '- unit: Not started by a push: it runs only when somebody asks for it.',
      '- deploy: Not started by a push: drafts are not tested here.',
    ],
  ],
  [
    'what is skipped and what is not needed',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), { ...check(deploy), skip: 'Not needed: changes only docs/' }] },
      statuses: [skippedStatus('unit')],
    }),
    ['- unit: Skipped by ada: because.', '- deploy: Not needed: changes only docs/.'],
  ],
  [
    'what is left out',
    snapshotOf({ plan: { kind: 'checks', checks: [], leftOut: [{ context: 'a@x/y', why: 'x/y is not there' }] } }),
    ['- a@x/y: Left out: x/y is not there.'],
  ],
  [
    'a stranger’s commit',
    snapshotOf({ at: foreign, change: stranger, plan: { kind: 'checks', checks: [check(foreign)] } }),
    ['- unit: The author is not trusted, and nobody has approved this commit.'],
  ],
  [
    'a stranger’s commit that is approved',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      approvedShas: [foreign.subject.sha],
    }),
    ['+ unit: The policy wants it for changes meant for main, and this commit is approved.'],
  ],
  [
    'what somebody just asked for',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit, true)] },
      requests: [ask('test', { contexts: ['unit'] })],
    }),
    ['+ unit: It waits or runs already.'],
  ],
  ['a closed place', snapshotOf({ change: { isOpen: false } }), ['- unit: The change is closed.']],
  [
    'a commit with nothing to run',
    snapshotOf({ plan: { kind: 'nothing', sentence: 'Add test/run' } }),
    ['- : Add test/run.'],
  ],
  [
    'a branch that nobody watches',
    snapshotOf({ plan: { kind: 'checks', checks: [] } }),
    ['- : No check is configured for changes meant for main.'],
  ],
] as const) {
  test(`explains ${title}`, () => {
    assert.deepEqual(lines(snapshot), said);
  });
}

const outcomes = [null, passed, failed, canceled('superseded'), canceled('untrusted'), canceled('person')] as const;
const anySnapshot = fc
  .record({
    isOpen: fc.boolean(),
    trust: fc.constantFrom('trusted', 'untrusted', 'unknown'),
    isJobTrusted: fc.boolean(),
    isApproved: fc.boolean(),
    isManual: fc.boolean(),
    hasSkip: fc.boolean(),
    isSkipped: fc.boolean(),
    job: fc.option(fc.constantFrom(...outcomes), { nil: undefined }),
    status: fc.option(fc.constantFrom(...outcomes), { nil: undefined }),
    request: fc.option(fc.constantFrom('test', 'retry', 'cancel', 'approve', 'skip'), { nil: undefined }),
  })
  .map((drawn): Snapshot => {
    const trusted = { ...foreign, isTrusted: drawn.isJobTrusted };
    const job = { ...trusted, id: jobIdOf(trusted) };
    const { job: outcome, status, request } = drawn;
    return snapshotOf({
      at: job,
      change: { isOpen: drawn.isOpen, trust: drawn.trust },
      plan: {
        kind: 'checks',
        checks: [
          { ...check(job, drawn.isManual), ...(drawn.hasSkip ? { skip: 'Not needed: changes only docs/' } : {}) },
        ],
      },
      approvedShas: drawn.isApproved ? [job.subject.sha] : [],
      skipped: drawn.isSkipped ? [{ context: 'unit', sentence: 'Skipped by ada: x', isByPolicy: false }] : [],
      jobs: outcome === undefined ? [] : [known(job, { outcome })],
      statuses: status === undefined ? [] : [seen(job, status)],
      requests: request === undefined ? [] : [ask(request, { sha: job.subject.sha, contexts: ['unit'] })],
    });
  });

test('what a decision starts is explained as running, and what is explained as not running is not started', () => {
  fc.assert(
    fc.property(anySnapshot, (snapshot) => {
      const ended = new Set<string>();
      const started = new Set<string>();
      for (const action of decideChange(snapshot)) {
        if (action.kind === 'enqueue') started.add(action.job.context);
        if (action.kind === 'skip') ended.add(action.context);
      }
      for (const { context, runs, why } of explainChange(snapshot)) {
        if (started.has(context)) assert.ok(runs, why);
        if (ended.has(context)) assert.ok(!runs, why);
        assert.match(why, /^[A-Z].*\.$/);
      }
    }),
    { numRuns: 1_000 },
  );
});

import {
  asked,
  ask,
  canceled,
  check,
  deploy,
  done,
  failed,
  foreign,
  known,
  passed,
  quiet,
  quietPull,
  run,
  seen,
  snapshotOf,
  stop,
  stranger,
  testDecisions,
  unit,
  waits,
} from '../../test/support/decide-world.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import type { Action } from '../core/action.ts';
import { scheduleOccasion } from '../core/forge-event.ts';
import { jobIdOf, type Job } from '../core/job.ts';

const slot = { name: 'nightly', at: Date.UTC(2026, 10, 22, 2), contexts: ['**'] };
const nightly = (job: Job): Job => {
  const occasion = scheduleOccasion(slot);
  return { ...job, occasion, id: jobIdOf({ ...job, occasion }) };
};
const both = { kind: 'checks', checks: [check(unit), check(deploy, true)] } as const;

const why = 'Not needed: no changed file under src/**';
const filtered = { kind: 'checks', checks: [{ ...check(unit), skip: why }, check(deploy)] } as const;
const notNeeded: Action = { kind: 'skip', sha: shaOf('a'), context: 'unit', sentence: why, isByPolicy: true };
const byPolicy = { context: 'unit', sentence: why, isByPolicy: true };

const forStable = (subject: Job['subject']): Job => {
  const job = { ...unit, subject: { ...subject, baseRef: 'stable' } };
  return { ...job, id: jobIdOf(job) };
};
const onStable = forStable(unit.subject);

const elsewhere = (digit: string): Job => {
  const job = { ...unit, commandSubject: { ...unit.subject, repo: 'other', sha: shaOf(digit) } };
  return { ...job, id: jobIdOf(job) };
};

testDecisions([
  // Schedules.
  [
    'a slot runs what it names on a commit that was judged long ago, manual checks too',
    snapshotOf({
      plan: both,
      jobs: [known(unit, { outcome: passed })],
      statuses: [seen(unit, passed)],
      slots: [slot],
    }),
    [run(nightly(unit)), run(nightly(deploy)), quiet],
  ],
  [
    'a slot runs only contexts that fit',
    snapshotOf({
      plan: both,
      jobs: [known(unit, { outcome: passed })],
      remembersStatuses: false,
      slots: [{ ...slot, contexts: ['depl*'] }],
    }),
    [run(nightly(deploy)), quiet],
  ],
  [
    'a slot runs once',
    snapshotOf({
      plan: both,
      jobs: [known(nightly(unit), { outcome: failed }), known(nightly(deploy))],
      remembersStatuses: false,
      slots: [slot, slot],
    }),
    [quiet],
  ],
  [
    'R11: a slot that ran in a lost ledger’s time does not run again, one that was begun does',
    snapshotOf({
      plan: both,
      statuses: [seen(nightly(unit), failed), seen(nightly(deploy), null, { generation: 4 })],
      slots: [slot],
    }),
    [run(nightly(deploy), 5), quiet],
  ],
  [
    'a slot beside the first look of a commit is the push’s test as well',
    snapshotOf({ plan: both, slots: [{ ...slot, contexts: ['unit'] }] }),
    [run(nightly(unit)), quiet],
  ],
  [
    'a push leaves what a schedule asked for, and ends what the last push asked for',
    snapshotOf({
      at: anOrder({ context: 'unit', sha: shaOf('c') }),
      jobs: [known(unit, { hasWord: false }), known(nightly(unit))],
    }),
    [
      stop(unit, 'superseded', shaOf('c')),
      { ...quiet, sha: shaOf('c') },
      run(anOrder({ context: 'unit', sha: shaOf('c') })),
    ],
  ],
  [
    'a branch that goes away ends what a schedule asked for',
    snapshotOf({ change: { isOpen: false }, jobs: [known(nightly(unit))], slots: [slot], remembersStatuses: false }),
    [stop(nightly(unit), 'closed', 'git|demo|branch/main')],
  ],
  [
    'a slot runs nothing of a stranger’s whom nobody approved',
    snapshotOf({ at: foreign, change: stranger, plan: { kind: 'checks', checks: [check(foreign)] }, slots: [slot] }),
    [waits],
  ],
  [
    'a schedule’s run can be canceled when its commit is no head any more',
    snapshotOf({
      at: anOrder({ context: 'unit', sha: shaOf('c') }),
      jobs: [known(nightly(unit)), known(anOrder({ context: 'unit', sha: shaOf('c') }))],
      remembersStatuses: false,
      requests: [ask('cancel', { jobId: nightly(unit).id })],
    }),
    [stop(nightly(unit), 'person', 'ada'), done, { ...quiet, sha: shaOf('c') }],
  ],
  [
    'failures become issues where the policy says so: of a branch, of one schedule',
    snapshotOf({
      plan: {
        kind: 'checks',
        checks: [
          { ...check(unit), issueFor: { isForChange: true, schedules: [] } },
          { ...check(deploy), issueFor: { isForChange: false, schedules: ['nightly'] } },
        ],
      },
      slots: [slot],
      jobs: [known(unit, { outcome: passed }), known(deploy, { outcome: passed })],
      remembersStatuses: false,
      requests: [ask('retry', { contexts: ['unit', 'deploy'] })],
    }),
    [
      run({ ...asked(unit), reportsIssue: true }),
      run(asked(deploy)),
      done,
      run(nightly(unit)),
      run({ ...nightly(deploy), reportsIssue: true }),
      quiet,
    ],
  ],

  // Path filters.
  [
    'what no changed file needs is shown so, and the rest runs',
    snapshotOf({ plan: filtered }),
    [quiet, notNeeded, run(deploy)],
  ],
  [
    'it is told once',
    snapshotOf({ plan: filtered, jobs: [known(deploy)], remembersStatuses: false, skipped: [byPolicy] }),
    [quiet],
  ],
  [
    'a filter that is another is told again, one that is gone starts the test',
    snapshotOf({
      plan: { kind: 'checks', checks: [{ ...check(unit), skip: 'Not needed: changes only docs/' }, check(deploy)] },
      skipped: [byPolicy, { ...byPolicy, context: 'deploy' }],
      remembersStatuses: false,
    }),
    [quiet, { ...notNeeded, sentence: 'Not needed: changes only docs/' }, run(deploy)],
  ],
  [
    'a person’s request goes before the filter',
    snapshotOf({
      plan: filtered,
      jobs: [known(deploy)],
      requests: [ask('test', { contexts: ['unit'] })],
      remembersStatuses: false,
    }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'and so does its verdict, also one that only the forge remembers',
    snapshotOf({
      plan: filtered,
      jobs: [known(deploy, { outcome: passed })],
      statuses: [seen(asked(unit), failed), seen(deploy, passed)],
    }),
    [quiet],
  ],
  [
    'a test without names does not mean what the filter leaves out',
    snapshotOf({
      plan: filtered,
      jobs: [known(deploy, { outcome: passed })],
      skipped: [byPolicy],
      remembersStatuses: false,
      requests: [ask('test')],
    }),
    [run(asked(deploy)), done, quiet],
  ],
  [
    'a run that was superseded and is not needed by now is told so',
    snapshotOf({
      plan: filtered,
      jobs: [known(unit, { outcome: canceled('superseded') }), known(deploy)],
      statuses: [seen(unit, canceled('superseded')), seen(deploy, null)],
    }),
    [quiet, notNeeded],
  ],
  [
    'a stranger whose change needs nothing waits for nothing',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [{ ...check(foreign), skip: why }] },
    }),
    [quietPull, { ...notNeeded, sha: shaOf('b') }],
  ],

  // What others say, and where tests come from.
  [
    'statuses of others never stand for the checks of the policy',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy)] },
      statuses: [seen(unit, passed, { jobId: null, generation: null, changeJobId: null })],
    }),
    [quiet, run(unit), run(deploy)],
  ],
  [
    'another base is another question: what runs for the old one ends',
    snapshotOf({
      at: anOrder({ pull: 7, context: 'unit' }),
      change: { baseRef: 'stable' },
      plan: { kind: 'checks', checks: [check(unit)] },
      jobs: [known(anOrder({ pull: 7, context: 'unit' }))],
    }),
    [
      stop(anOrder({ pull: 7, context: 'unit' }), 'superseded', shaOf('a')),
      quiet,
      run(forStable({ ...unit.subject, pull: 7, branch: null })),
    ],
  ],
  [
    'a base that is the old one again has its verdict back at once',
    snapshotOf({
      jobs: [known(unit, { outcome: failed, hasWord: false }), known(onStable)],
      statuses: [seen(onStable, null)],
    }),
    [stop(onStable, 'superseded', shaOf('a')), quiet, { kind: 'restate', jobId: unit.id }],
  ],
  [
    'a push elsewhere does not repeat what was judged here with the tests of before',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(elsewhere('2'))] },
      jobs: [known(elsewhere('1'), { outcome: passed })],
      remembersStatuses: false,
    }),
    [quiet],
  ],
  [
    'R11: nor when only the forge remembers it',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(elsewhere('2'))] },
      statuses: [seen(elsewhere('1'), failed)],
    }),
    [quiet],
  ],
  [
    'R11: a manual check that a person asked for and a lost ledger forgot goes on',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(deploy, true)] },
      statuses: [seen(asked(deploy), null, { generation: 2 })],
      requests: [ask('test', { isDone: true })],
    }),
    [quiet, run(asked(deploy), 3)],
  ],
]);

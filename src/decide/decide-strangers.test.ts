import {
  check,
  done,
  failed,
  foreign,
  known,
  passed,
  quiet,
  quietPull,
  say,
  seen,
  skippedStatus,
  snapshotOf,
  stranger,
  testDecisions,
  unit,
  waits,
} from '../../test/support/decide-world.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import { jobIdOf } from '../core/job.ts';
import { answers } from './answers.ts';

const strangers = {
  at: foreign,
  change: stranger,
  plan: { kind: 'checks', checks: [check(foreign)] },
} as const;
const here = `${foreign.subject.forge}|${foreign.subject.repo}|pull/7`;
const stable = { ...foreign, subject: { ...foreign.subject, baseRef: 'stable' } };
const forStable = { ...stable, id: jobIdOf(stable) };
const docs = anOrder({ pull: 7, sha: shaOf('b'), context: 'docs' });
const unitThere = anOrder({ pull: 6, sha: shaOf('b'), context: 'unit' });

testDecisions([
  [
    'a stranger who was told once here is not told again, however often they ask',
    snapshotOf({
      jobs: [known(unit)],
      remembersStatuses: false,
      requests: [
        say('test', { id: 'r0', by: 'mallory', isRefused: true, isDone: true }),
        say('test', { by: 'mallory', isRefused: true }),
        say('cancel', { id: 'r2', by: 'mallory', isRefused: true }),
        say('test', { id: 'r3', by: 'eve', isRefused: true }),
        say('cancel', { id: 'r4', by: 'eve', isRefused: true }),
      ],
    }),
    [
      { kind: 'request-done', requestId: 'r1', answer: 'refused' },
      { kind: 'request-done', requestId: 'r2', answer: 'refused' },
      { kind: 'request-done', requestId: 'r3', answer: 'refused', comment: answers.refused('test') },
      { kind: 'request-done', requestId: 'r4', answer: 'refused' },
      quiet,
    ],
  ],
  [
    'the author of a change stops no run of another place that has the same commit',
    snapshotOf({
      ...strangers,
      // The trusted author of another pull request, or main itself, had the commit tested.
      jobs: [known(unitThere, { changeKey: 'there' })],
      remembersStatuses: false,
      requests: [say('cancel', { by: 'mallory' })],
    }),
    [done, waits],
  ],
  [
    'another base that passed in between leaves no green on what failed here',
    snapshotOf({
      ...strangers,
      jobs: [
        known(foreign, { outcome: failed, hasWord: false }),
        known(forStable, { outcome: passed, changeKey: here }),
      ],
      statuses: [seen(forStable, passed)],
      approvedShas: [shaOf('b')],
    }),
    [quietPull, { kind: 'restate', jobId: foreign.id }],
  ],
  [
    'nor does one that needed no test',
    snapshotOf({
      ...strangers,
      jobs: [known(foreign, { outcome: failed, hasWord: false })],
      skipped: [{ context: 'unit', sentence: 'Not needed: changes only docs/', isByPolicy: true }],
      statuses: [skippedStatus('unit', false)],
      approvedShas: [shaOf('b')],
    }),
    [quietPull, { kind: 'restate', jobId: foreign.id }],
  ],
  [
    'what the policy does not need is said of a change that is held, too, and the rest waits',
    snapshotOf({
      ...strangers,
      plan: {
        kind: 'checks',
        checks: [check(foreign), { ...check(docs), skip: 'Not needed: changes nothing in docs/' }],
      },
    }),
    [
      waits,
      {
        kind: 'skip',
        sha: shaOf('b'),
        context: 'docs',
        sentence: 'Not needed: changes nothing in docs/',
        isByPolicy: true,
      },
    ],
  ],
  [
    'a held change of which the policy needs nothing waits for nobody',
    snapshotOf({
      ...strangers,
      plan: { kind: 'checks', checks: [{ ...check(foreign), skip: 'Not needed: changes only docs/' }] },
    }),
    [
      quietPull,
      {
        kind: 'skip',
        sha: shaOf('b'),
        context: 'unit',
        sentence: 'Not needed: changes only docs/',
        isByPolicy: true,
      },
    ],
  ],
  [
    'a second pull request that needs no test says nothing over the verdict of the first',
    snapshotOf({
      ...strangers,
      plan: { kind: 'checks', checks: [{ ...check(foreign), skip: 'Not needed: changes only docs/' }] },
      jobs: [known(unitThere, { outcome: failed, changeKey: 'there', baseRef: 'stable' })],
      statuses: [seen(unitThere, failed)],
    }),
    [quietPull],
  ],
]);

import {
  passed,
  failed,
  unit,
  deploy,
  pull,
  check,
  known,
  seen,
  ask,
  snapshotOf,
  quiet,
  quietPull,
  waits,
  run,
  stop,
  done,
  asked,
  stranger,
  foreign,
  testDecisions,
  told,
} from '../../test/support/decide-world.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import { answers } from './answers.ts';

testDecisions([
  // Strangers.
  [
    'a stranger’s commit waits for approval',
    snapshotOf({ at: foreign, change: stranger, plan: { kind: 'checks', checks: [check(foreign)] } }),
    [waits],
  ],
  [
    'a stranger without anything automatic to run waits for nothing',
    snapshotOf({ at: foreign, change: stranger, plan: { kind: 'checks', checks: [check(foreign, true)] } }),
    [quietPull],
  ],
  [
    'an approval of this commit lets it run, without trust',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      approvedShas: [shaOf('b')],
    }),
    [quietPull, run(foreign)],
  ],
  [
    'an approval of another commit lets nothing run',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      approvedShas: [shaOf('a')],
    }),
    [waits],
  ],
  [
    'approving is remembered, done, and acts at once',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      requests: [ask('approve', { sha: shaOf('b') })],
    }),
    [{ kind: 'approve', sha: shaOf('b'), by: 'ada', requestId: 'r1' }, done, quietPull, run(foreign)],
  ],
  [
    'approving a commit that was pushed over is remembered, and lets nothing run',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      requests: [ask('approve', { sha: shaOf('a') })],
    }),
    [{ kind: 'approve', sha: shaOf('a'), by: 'ada', requestId: 'r1' }, done, waits],
  ],
  [
    'an approval that was done and is nowhere written approves nothing',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      requests: [ask('approve', { sha: shaOf('b'), isDone: true })],
    }),
    [waits],
  ],
  [
    'a request cannot make an unapproved commit run',
    snapshotOf({
      at: foreign,
      change: stranger,
      plan: { kind: 'checks', checks: [check(foreign)] },
      requests: [ask('test', { sha: shaOf('b') })],
    }),
    [told(answers.unapproved(shaOf('b'))), waits],
  ],
  [
    'a pull request of somebody whom the forge vouches for runs',
    snapshotOf({ at: anOrder(pull), plan: { kind: 'checks', checks: [check(anOrder(pull))] } }),
    [quietPull, run(anOrder(pull))],
  ],

  // What people ask for.
  [
    'R12: a retry is a new occasion, and so another job',
    snapshotOf({ jobs: [known(unit, { outcome: failed })], statuses: [seen(unit, failed)], requests: [ask('retry')] }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'a request that is done is not carried out again',
    snapshotOf({
      jobs: [known(unit, { outcome: failed })],
      statuses: [seen(unit, failed)],
      requests: [ask('retry', { isDone: true })],
    }),
    [quiet],
  ],
  [
    'a request about another commit is only closed',
    snapshotOf({
      jobs: [known(unit, { outcome: failed })],
      statuses: [seen(unit, failed)],
      requests: [ask('retry', { sha: shaOf('c') })],
    }),
    [done, quiet],
  ],
  [
    'a request about a closed place is only closed',
    snapshotOf({ change: { isOpen: false }, requests: [ask('test')] }),
    [done],
  ],
  [
    'a retry of one run repeats its check alone',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy)] },
      jobs: [known(unit, { outcome: failed }), known(deploy, { outcome: passed })],
      remembersStatuses: false,
      requests: [ask('retry', { jobId: unit.id })],
    }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'a retry of a run that is not here repeats nothing',
    snapshotOf({
      jobs: [known(unit, { outcome: failed })],
      remembersStatuses: false,
      requests: [ask('retry', { jobId: '0'.repeat(32) })],
    }),
    [done, quiet],
  ],
  [
    'what waits or runs is not queued a second time',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, requests: [ask('test')] }),
    [done, quiet],
  ],
  [
    'a manual check runs when it is named',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy, true)] },
      jobs: [known(unit, { outcome: passed })],
      remembersStatuses: false,
      requests: [ask('test', { contexts: ['deploy'] })],
    }),
    [run(asked(deploy)), done, quiet],
  ],
  [
    'a manual check does not run when nothing is named',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy, true)] },
      jobs: [known(unit, { outcome: passed })],
      remembersStatuses: false,
      requests: [ask('test')],
    }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'a context that is not in the plan cannot be asked for',
    snapshotOf({
      jobs: [known(unit, { outcome: passed })],
      remembersStatuses: false,
      requests: [ask('test', { contexts: ['rm -rf'] })],
    }),
    [told(answers.unknown(['rm -rf'], ['unit'])), quiet],
  ],
  [
    'a cancel ends what is not over',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy)] },
      jobs: [known(unit), known(deploy, { outcome: passed })],
      remembersStatuses: false,
      requests: [ask('cancel')],
    }),
    [stop(unit, 'person', 'ada'), done, quiet],
  ],
  [
    'a cancel of one run or context ends that alone',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy)] },
      jobs: [known(unit), known(deploy)],
      remembersStatuses: false,
      requests: [ask('cancel', { jobId: deploy.id }), ask('cancel', { id: 'r2', contexts: ['unit'], by: 'bob' })],
    }),
    [
      stop(deploy, 'person', 'ada'),
      done,
      stop(unit, 'person', 'bob'),
      { kind: 'request-done', requestId: 'r2' },
      quiet,
    ],
  ],
]);

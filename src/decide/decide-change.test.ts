import {
  passed,
  failed,
  canceled,
  unit,
  deploy,
  check,
  known,
  seen,
  ask,
  snapshotOf,
  quiet,
  run,
  stop,
  asked,
  testDecisions,
} from '../../test/support/decide-world.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';

testDecisions([
  // What a push wants.
  [
    'a new head gets every check of the plan',
    snapshotOf({ plan: { kind: 'checks', checks: [check(unit), check(deploy)] } }),
    [quiet, run(unit), run(deploy)],
  ],
  [
    'a manual check waits for a person',
    snapshotOf({ plan: { kind: 'checks', checks: [check(unit), check(deploy, true)] } }),
    [quiet, run(unit)],
  ],
  [
    'what waits or runs is not asked for again',
    snapshotOf({ jobs: [known(unit)], statuses: [seen(unit, null)] }),
    [quiet],
  ],
  [
    'what passed is done',
    snapshotOf({ jobs: [known(unit, { outcome: passed })], statuses: [seen(unit, passed)] }),
    [quiet],
  ],
  [
    'what failed is done',
    snapshotOf({ jobs: [known(unit, { outcome: failed })], statuses: [seen(unit, failed)] }),
    [quiet],
  ],
  [
    'a repository without anything to run is told so in the plan’s words',
    snapshotOf({ plan: { kind: 'nothing', sentence: 'Add test/run' } }),
    [{ ...quiet, notice: { kind: 'nothing-to-run', sentence: 'Add test/run' } }],
  ],
  ['a plan without checks says nothing', snapshotOf({ plan: { kind: 'checks', checks: [] } }), [quiet]],
  ['a closed place wants nothing, not even words', snapshotOf({ change: { isOpen: false } }), []],

  // Push A, push B, close, push A again (R13).
  [
    'R13: a moved head supersedes what it left behind',
    snapshotOf({ at: anOrder({ context: 'unit', sha: shaOf('c') }), jobs: [known(unit)] }),
    [
      stop(unit, 'superseded', shaOf('c')),
      { ...quiet, sha: shaOf('c') },
      run(anOrder({ context: 'unit', sha: shaOf('c') })),
    ],
  ],
  [
    'what another place asked for is left alone',
    snapshotOf({
      at: anOrder({ context: 'unit', sha: shaOf('c') }),
      jobs: [known(unit, { changeKey: 'git|demo|branch/other' }), known(anOrder({ context: 'unit', sha: shaOf('c') }))],
      remembersStatuses: false,
    }),
    [{ ...quiet, sha: shaOf('c') }],
  ],
  [
    'a closed place ends what runs for it',
    snapshotOf({
      change: { isOpen: false },
      jobs: [known(unit), known(deploy, { outcome: passed })],
      remembersStatuses: false,
    }),
    [stop(unit, 'closed', 'git|demo|branch/main')],
  ],
  [
    'R13: superseded is no verdict: wanted again, the same job opens as the next generation',
    snapshotOf({
      jobs: [known(unit, { outcome: canceled('superseded') })],
      statuses: [seen(unit, canceled('superseded'))],
    }),
    [quiet, run(unit, 2)],
  ],
  [
    'R13: closed is no verdict either',
    snapshotOf({
      jobs: [known(unit, { outcome: canceled('closed'), generation: 3 })],
      statuses: [seen(unit, canceled('closed'), { generation: 3 })],
    }),
    [quiet, run(unit, 4)],
  ],
  [
    'R13: what a person canceled stays so',
    snapshotOf({ jobs: [known(unit, { outcome: canceled('person') })], statuses: [seen(unit, canceled('person'))] }),
    [quiet],
  ],
  [
    'R13: what broke for good stays so',
    snapshotOf({
      jobs: [known(unit, { outcome: { kind: 'broken', cause: 'lost', phase: 'running' } })],
      statuses: [seen(unit, { kind: 'broken', cause: 'lost', phase: 'running' })],
    }),
    [quiet],
  ],

  // A ledger that was lost (R11).
  ['R11: a verdict that only the forge remembers counts', snapshotOf({ statuses: [seen(unit, failed)] }), [quiet]],
  [
    'R11: what the forge shows pending is begun again, one generation on',
    snapshotOf({ statuses: [seen(unit, null, { generation: 2 })] }),
    [quiet, run(unit, 3)],
  ],
  [
    'R11: what the forge shows superseded is begun again',
    snapshotOf({ statuses: [seen(unit, canceled('superseded'), { generation: 2 })] }),
    [quiet, run(unit, 3)],
  ],
  [
    'R11: a status of another commit’s job or of nobody’s says nothing',
    snapshotOf({ statuses: [seen(anOrder({ sha: shaOf('c'), context: 'unit' }), passed)] }),
    [quiet, run(unit)],
  ],
  [
    'R11: a wording that looks like ours says nothing',
    snapshotOf({ statuses: [seen(unit, passed, { jobId: null, generation: null, changeJobId: null })] }),
    [quiet, run(unit)],
  ],
  [
    'R11: a request’s verdict covers the push that it repeated',
    snapshotOf({ statuses: [seen(asked(unit), passed)] }),
    [quiet],
  ],
  [
    'R11: a request’s job that is pending and forgotten goes on, and the push does not start beside it',
    snapshotOf({ statuses: [seen(asked(unit), null, { generation: 2 })], requests: [ask('retry', { isDone: true })] }),
    [quiet, run(asked(unit), 3)],
  ],
  [
    'R11: a pending job of a request that cannot be found is taken for the push’s',
    snapshotOf({ statuses: [seen(asked(unit, 'gone'), null)] }),
    [quiet, run(unit)],
  ],
  [
    'R11: a pending job of a check that is not wanted any more is nobody’s',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(deploy)] },
      statuses: [seen(asked(unit), null)],
      requests: [ask('retry', { isDone: true })],
    }),
    [quiet, run(deploy)],
  ],

  // What the forge shows.
  [
    'a status that was lost is posted again',
    snapshotOf({ jobs: [known(unit, { outcome: passed })] }),
    [quiet, { kind: 'restate', jobId: unit.id }],
  ],
  [
    'a status with another state or generation is posted again',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit), check(deploy)] },
      jobs: [known(unit, { outcome: passed }), known(deploy, { outcome: passed, generation: 2 })],
      statuses: [seen(unit, failed), seen(deploy, passed)],
    }),
    [quiet, { kind: 'restate', jobId: unit.id }, { kind: 'restate', jobId: deploy.id }],
  ],
  [
    'R4: a job without the word has nothing to say',
    snapshotOf({
      jobs: [known(unit, { outcome: failed, hasWord: false }), known(asked(unit), { outcome: passed })],
      statuses: [seen(asked(unit), passed)],
    }),
    [quiet],
  ],
  [
    'a forge that keeps no statuses is told nothing anew',
    snapshotOf({ jobs: [known(unit, { outcome: passed })], remembersStatuses: false }),
    [quiet],
  ],
  [
    'a job at another commit is not restated',
    snapshotOf({
      jobs: [known(unit, { outcome: passed }), known(anOrder({ sha: shaOf('c') }), { outcome: passed })],
      statuses: [seen(unit, passed)],
    }),
    [quiet],
  ],
  [
    'two places share a commit: when the other one’s job went away without a verdict, the word goes back to ours',
    snapshotOf({
      jobs: [
        known(unit, { outcome: passed, hasWord: false }),
        known(unit, { id: asked(unit).id, outcome: canceled('closed'), changeKey: 'git|demo|pull/7' }),
      ],
      statuses: [seen(asked(unit), canceled('closed'))],
    }),
    [quiet, { kind: 'restate', jobId: unit.id }],
  ],
]);

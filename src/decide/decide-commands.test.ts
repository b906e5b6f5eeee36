import {
  ask,
  asked,
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
  say,
  seen,
  snapshotOf,
  stop,
  stranger,
  testDecisions,
  told,
  unit,
  waits,
} from '../../test/support/decide-world.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import type { Action } from '../core/action.ts';
import type { PersonRequest } from '../core/request.ts';
import { answers } from './answers.ts';

const both = { kind: 'checks', checks: [check(unit), check(deploy)] } as const;
const strangers = {
  at: foreign,
  change: stranger,
  plan: { kind: 'checks', checks: [check(foreign)] },
} as const;
const approved = (sha: string): Action => ({ kind: 'approve', sha, by: 'ada', requestId: 'r1' });
const skip = (context: string, given: Partial<PersonRequest> = {}): PersonRequest =>
  say('skip', { contexts: [context], text: 'because', ...given });

testDecisions([
  // Approvals are bound to a commit.
  [
    'an approval without a commit is good for a head that was there before it',
    snapshotOf({ ...strangers, headSince: 999, requests: [say('approve')] }),
    [approved(shaOf('b')), done, quietPull, run(foreign)],
  ],
  [
    'an approval never covers a commit that came at the same moment',
    snapshotOf({ ...strangers, headSince: 1_000, requests: [say('approve')] }),
    [told(answers.whichCommit('ok-to-test', shaOf('b'))), waits],
  ],
  [
    'nor one of which nobody knows when it came',
    snapshotOf({ ...strangers, requests: [say('approve')] }),
    [told(answers.whichCommit('ok-to-test', shaOf('b'))), waits],
  ],
  [
    'the first digits of a commit approve the head that they begin and that was there before',
    snapshotOf({ ...strangers, headSince: 999, requests: [say('approve', { sha: shaOf('b').slice(0, 7) })] }),
    [approved(shaOf('b')), done, quietPull, run(foreign)],
  ],
  [
    'but not one that came meanwhile and begins with the same digits, which are easily made',
    snapshotOf({ ...strangers, headSince: 1_000, requests: [say('approve', { sha: shaOf('b').slice(0, 12) })] }),
    [told(answers.whichCommit('ok-to-test', shaOf('b'))), waits],
  ],
  [
    'nor one of which nobody knows when it came, though it begins so',
    snapshotOf({ ...strangers, requests: [say('approve', { sha: shaOf('b').slice(0, 39) })] }),
    [told(answers.whichCommit('ok-to-test', shaOf('b'))), waits],
  ],
  [
    'the whole name of the head approves it, whenever it came',
    snapshotOf({ ...strangers, requests: [say('approve', { sha: shaOf('b') })] }),
    [approved(shaOf('b')), done, quietPull, run(foreign)],
  ],
  [
    'the first digits of another commit approve nothing',
    snapshotOf({ ...strangers, headSince: 1, requests: [say('approve', { sha: 'aaaaaaa' })] }),
    [told(answers.notTheHead('aaaaaaa', shaOf('b'))), waits],
  ],
  [
    'another commit by its whole name is approved, and whoever asked hears that the head is not',
    snapshotOf({ ...strangers, requests: [say('approve', { sha: shaOf('a') })] }),
    [approved(shaOf('a')), told(answers.approvedOther(shaOf('a'), shaOf('b')), 'done'), waits],
  ],
  [
    'who approves and asks for tests in one comment means both, in any order',
    snapshotOf({
      ...strangers,
      plan: { kind: 'checks', checks: [check(foreign, true)] },
      headSince: 999,
      requests: [say('test', { contexts: ['unit'] }), say('approve')],
    }),
    [run(asked(foreign)), approved(shaOf('b')), done, quietPull],
  ],

  // Who may not.
  [
    'a stranger’s approval changes nothing',
    snapshotOf({ ...strangers, headSince: 1, requests: [say('approve', { isRefused: true })] }),
    [told(answers.refused('ok-to-test')), waits],
  ],
  [
    'a stranger’s test, cancel and skip change nothing, and are answered once',
    snapshotOf({
      plan: both,
      jobs: [known(unit), known(deploy, { outcome: failed })],
      remembersStatuses: false,
      headSince: 1,
      requests: [
        say('test', { isRefused: true }),
        say('cancel', { isRefused: true }),
        skip('unit', { isRefused: true }),
      ],
    }),
    [told([answers.refused('test'), answers.refused('cancel'), answers.refused('skip')].join('\n\n')), quiet],
  ],
  [
    'a stranger’s slip of the pen is not worth a comment',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, requests: [say('mistake', { isRefused: true })] }),
    [{ kind: 'request-done', requestId: 'r1', answer: 'refused' }, quiet],
  ],

  // Tests and retries.
  [
    'a test without a commit means the head, whenever it came',
    snapshotOf({ jobs: [known(unit, { outcome: passed })], remembersStatuses: false, requests: [say('test')] }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'a pattern means all that fit, one that fits nothing is told what there is',
    snapshotOf({
      plan: both,
      jobs: [known(unit, { outcome: passed }), known(deploy, { outcome: passed })],
      remembersStatuses: false,
      requests: [say('test', { contexts: ['d*', 'fedora-*'] })],
    }),
    [run(asked(deploy)), told(answers.unknown(['fedora-*'], ['unit', 'deploy']), 'done'), quiet],
  ],
  [
    'a context that is left out says why',
    snapshotOf({
      plan: { kind: 'checks', checks: [], leftOut: [{ context: 'a@x/y', why: 'there is no branch main of x/y' }] },
      requests: [say('test', { contexts: ['a@x/y'] })],
    }),
    [told(answers.leftOut('a@x/y', 'there is no branch main of x/y')), quiet],
  ],
  [
    'a retry of what failed leaves what passed and what was canceled',
    snapshotOf({
      plan: { kind: 'checks', checks: [...both.checks, check(anOrder({ context: 'lint' }), true)] },
      jobs: [
        known(unit, { outcome: passed }),
        known(deploy, { outcome: canceled('person') }),
        known(asked(anOrder({ context: 'lint' }), 'r0'), {
          outcome: { kind: 'broken', cause: 'lost', phase: 'running' },
        }),
      ],
      remembersStatuses: false,
      requests: [say('retry', { isOnlyFailed: true })],
    }),
    [run(asked(anOrder({ context: 'lint' }))), done, quiet],
  ],
  [
    'where nothing failed, a retry of it is told so',
    snapshotOf({
      jobs: [known(unit, { outcome: passed })],
      remembersStatuses: false,
      requests: [say('retry', { isOnlyFailed: true })],
    }),
    [told(answers.noneFailed(shaOf('a'))), quiet],
  ],
  [
    'R11: what failed in a lost ledger’s time is known from the forge',
    snapshotOf({
      plan: both,
      statuses: [seen(unit, failed), seen(deploy, passed)],
      requests: [say('retry', { isOnlyFailed: true })],
    }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'a test without a name starts what only a label holds back',
    snapshotOf({
      plan: { kind: 'checks', checks: [{ ...check(unit, true), isHeld: true }, check(deploy, true)] },
      requests: [say('test')],
    }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'where all is manual, a test without a name is told what there is',
    snapshotOf({ plan: { kind: 'checks', checks: [check(deploy, true)] }, requests: [say('test')] }),
    [told(answers.nothingMeant(['deploy'])), quiet],
  ],
  [
    'where there is nothing to run, a test is told the plan’s words',
    snapshotOf({ plan: { kind: 'nothing', sentence: 'Add test/run' }, requests: [say('test')] }),
    [told('Add test/run'), { ...quiet, notice: { kind: 'nothing-to-run', sentence: 'Add test/run' } }],
  ],
  [
    'two requests for one context make one job',
    snapshotOf({
      jobs: [known(unit, { outcome: failed })],
      remembersStatuses: false,
      requests: [say('test'), say('retry', { id: 'r2' })],
    }),
    [run(asked(unit)), done, { kind: 'request-done', requestId: 'r2' }, quiet],
  ],
  [
    'a request before the first look is the push’s test as well',
    snapshotOf({ requests: [say('test')] }),
    [run(asked(unit)), done, quiet],
  ],
  [
    'a request’s verdict answers the push on a forge without memory, too',
    snapshotOf({ jobs: [known(asked(unit), { outcome: failed })], remembersStatuses: false }),
    [quiet],
  ],
  [
    'a request’s job that ended without a verdict leaves the push’s test to be made, whatever the forge still shows',
    snapshotOf({
      jobs: [known(asked(unit), { outcome: canceled('closed') })],
      statuses: [seen(asked(unit), null)],
      requests: [ask('test', { isDone: true })],
    }),
    [quiet, run(unit)],
  ],
  [
    'R11: also when only the forge remembers that it ended so',
    snapshotOf({ statuses: [seen(asked(unit), canceled('superseded'))] }),
    [quiet, run(unit)],
  ],
  [
    'a job for another base answers nothing here',
    snapshotOf({
      jobs: [known(asked(unit), { outcome: passed, baseRef: 'stable', changeKey: 'git|demo|pull/9' })],
      statuses: [seen(asked(unit), passed, { changeJobId: '0'.repeat(32) })],
    }),
    [quiet, run(unit)],
  ],
  [
    'R11: a request whose mark and ledger are lost is known by its verdict on the forge',
    snapshotOf({ statuses: [seen(asked(unit), failed)], requests: [say('retry')] }),
    [done, quiet],
  ],
  [
    'cancel and test in one comment begin anew',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, requests: [say('cancel'), say('test')] }),
    [stop(unit, 'person', 'ada'), run(asked(unit)), done, quiet],
  ],
  [
    'test and cancel in one comment leave nothing running',
    snapshotOf({
      jobs: [known(unit, { outcome: passed })],
      remembersStatuses: false,
      requests: [say('test'), say('cancel')],
    }),
    [run(asked(unit)), stop(asked(unit), 'person', 'ada'), done, quiet],
  ],
  [
    'a lost status is not restated over a job that starts now',
    snapshotOf({ jobs: [known(unit, { outcome: failed })], requests: [say('retry')] }),
    [run(asked(unit)), done, quiet],
  ],

  // Help.
  [
    'help lists the commands and the contexts',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, requests: [say('help')] }),
    [told(answers.help(['unit']), 'done'), quiet],
  ],
  [
    'a mistake is told how it is done',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, requests: [say('mistake', { text: 'No /tset.' })] }),
    [told(answers.mistake('No /tset.')), quiet],
  ],
]);

import {
  ask,
  asked,
  canceled,
  check,
  deploy,
  done,
  foreign,
  known,
  passed,
  pull,
  quietPull,
  run,
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
import { jobIdOf } from '../core/job.ts';
import type { JobKnown } from '../core/snapshot.ts';
import { answers } from './answers.ts';

// The change that was a trusted person's when its job was made.
const ours = anOrder(pull);
const unknown = { trust: 'unknown' } as const;
const here = { at: ours, plan: { kind: 'checks', checks: [check(ours)] } } as const;
const lost = { ...here, change: stranger };
const dark = { ...here, change: unknown };
const running = (job = ours, given: Partial<JobKnown> = {}): Pick<Parameters<typeof snapshotOf>[0], 'jobs'> => ({
  jobs: [known(job, given)],
});
const shown = { statuses: [seen(ours, null)] };
const bySlot = { ...ours, occasion: 'schedule:nightly@2026-11-22T02:00:00.000Z' };
const slotted = { ...bySlot, id: jobIdOf(bySlot) };
/** A command line or page of this server asked, with its token. */
const byToken = asked(ours, 'request-0123456789abcdef');

testDecisions([
  [
    'trust that is taken away stops what runs, and the change waits for approval again',
    snapshotOf({ ...lost, ...running(), ...shown }),
    [stop(ours, 'untrusted', 'ada'), waits],
  ],
  [
    'what a schedule began for it is stopped, too',
    snapshotOf({ ...lost, ...running(slotted), remembersStatuses: false }),
    [stop(slotted, 'untrusted', 'ada'), waits],
  ],
  [
    'while nobody can tell, what runs goes on, and nothing is said',
    snapshotOf({ ...dark, ...running(), ...shown }),
    [quietPull],
  ],
  [
    'while nobody can tell, a verdict stands',
    snapshotOf({ ...dark, ...running(ours, { outcome: passed }), statuses: [seen(ours, passed)] }),
    [quietPull],
  ],
  [
    'a verdict that only the forge remembers stands as well',
    snapshotOf({ ...dark, statuses: [seen(ours, passed)] }),
    [quietPull],
  ],
  ['while nobody can tell, nothing is started', snapshotOf(dark), [waits]],
  [
    'while nobody can tell, what an approval bound to the commit lets in is a stranger’s',
    snapshotOf({ ...dark, approvedShas: [shaOf('b')] }),
    [quietPull, run(foreign)],
  ],
  [
    'what runs is not started a second time by an approval that nobody needs',
    snapshotOf({ ...dark, ...running(), ...shown, approvedShas: [shaOf('b')] }),
    [quietPull],
  ],
  [
    'while nobody can tell of the author, a command says so',
    snapshotOf({ ...dark, requests: [ask('test', { sha: shaOf('b') })] }),
    [told(answers.unknownAuthor(shaOf('b'))), waits],
  ],
  [
    'what somebody asks of whom nobody can tell waits, neither done nor refused',
    snapshotOf({
      at: unit,
      requests: [
        ask('test', { isUnclear: true }),
        ask('approve', { id: 'r2', isUnclear: true }),
        ask('cancel', { id: 'r3', isUnclear: true }),
      ],
      jobs: [known(unit)],
      remembersStatuses: false,
    }),
    [{ ...quietPull, sha: shaOf('a') }],
  ],
  [
    'an approval that nobody can vouch for approves nothing',
    snapshotOf({ ...lost, requests: [ask('approve', { sha: shaOf('b'), isUnclear: true })] }),
    [waits],
  ],
  [
    'with an approval bound to the commit it is tested as a stranger’s: what has secrets ends all the same',
    snapshotOf({ ...lost, ...running(), ...shown, approvedShas: [shaOf('b')] }),
    [stop(ours, 'untrusted', 'ada'), quietPull, run(foreign)],
  ],
  [
    'an approval that comes with the news counts',
    snapshotOf({
      ...lost,
      ...running(foreign),
      requests: [ask('approve', { sha: shaOf('b') })],
      remembersStatuses: false,
    }),
    [{ kind: 'approve', sha: shaOf('b'), by: 'ada', requestId: 'r1' }, done, quietPull],
  ],
  [
    'an approved stranger’s run goes on; that of another commit’s approval does not',
    snapshotOf({ ...lost, ...running(foreign), approvedShas: [shaOf('a')], remembersStatuses: false }),
    [stop(foreign, 'untrusted', 'ada'), waits],
  ],
  [
    'what a trusted person asked for goes on',
    snapshotOf({
      ...lost,
      ...running(asked(ours)),
      requests: [ask('test', { by: 'bob', isDone: true })],
      remembersStatuses: false,
    }),
    [waits],
  ],
  [
    'what the author asked for does not: that word does not count any more',
    snapshotOf({
      ...lost,
      ...running(asked(ours)),
      requests: [ask('test', { isDone: true, isRefused: true })],
      remembersStatuses: false,
    }),
    [stop(asked(ours), 'untrusted', 'ada'), waits],
  ],
  [
    'nor what somebody asked for in a comment that is gone',
    snapshotOf({ ...lost, ...running(asked(ours)), remembersStatuses: false }),
    [stop(asked(ours), 'untrusted', 'ada'), waits],
  ],
  [
    'what was asked for at this server, with its token, goes on',
    snapshotOf({ ...lost, ...running(byToken), remembersStatuses: false }),
    [waits],
  ],
  [
    'a run that another place asked for is that place’s to stop',
    snapshotOf({ ...lost, ...running(ours, { changeKey: 'there' }), remembersStatuses: false }),
    [waits],
  ],
  [
    'trust that comes back opens the run again',
    snapshotOf({
      ...here,
      ...running(ours, { outcome: canceled('untrusted') }),
      statuses: [seen(ours, canceled('untrusted'))],
    }),
    [quietPull, run(ours, 2)],
  ],
  [
    'a check that the policy drops ends, waiting or running, whoever asked for it',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit)] },
      jobs: [known(unit), known(deploy), known({ ...asked(deploy), id: asked(deploy).id }, { hasWord: false })],
      remembersStatuses: false,
    }),
    [stop(deploy, 'policy', 'check'), stop(asked(deploy), 'policy', 'check'), { ...quietPull, sha: shaOf('a') }],
  ],
  [
    'a check of which only a part is missing for now goes on',
    snapshotOf({
      plan: { kind: 'checks', checks: [check(unit)], leftOut: [{ context: 'deploy', why: 'x' }] },
      jobs: [known(unit), known(deploy)],
      remembersStatuses: false,
    }),
    [{ ...quietPull, sha: shaOf('a') }],
  ],
  [
    'a check that comes back into the policy opens its run again',
    snapshotOf({
      jobs: [known(unit, { outcome: canceled('policy') })],
      statuses: [seen(unit, canceled('policy'))],
    }),
    [{ ...quietPull, sha: shaOf('a') }, run(unit, 2)],
  ],
]);

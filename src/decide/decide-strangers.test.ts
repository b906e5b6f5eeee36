import {
  ask,
  check,
  done,
  foreign,
  known,
  quiet,
  snapshotOf,
  stranger,
  testDecisions,
  unit,
  waits,
} from '../../test/support/decide-world.ts';
import { anOrder, shaOf } from '../../test/support/ledger-world.ts';
import type { PersonRequest } from '../core/request.ts';
import { answers } from './answers.ts';

const say = (kind: PersonRequest['kind'], given: Partial<PersonRequest> = {}): PersonRequest =>
  ask(kind, { sha: null, askedAt: 1_000, ...given });
const strangers = {
  at: foreign,
  change: stranger,
  plan: { kind: 'checks', checks: [check(foreign)] },
} as const;
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
]);

import type { BrokenLedger } from './broken.contract.ts';
import { forging } from './broken.contract.ts';

/** What a scan, the rolling pass, and the schedules ask. */
export const brokenPlace: readonly BrokenLedger[] = [
  [
    'places with unhandled',
    'begins from the start each time',
    (ledger) => ({ pendingPlaces: (_after, limit) => ledger.pendingPlaces(0, limit) }),
  ],
  [
    'places with unhandled',
    'has no pages',
    (ledger) => ({ pendingPlaces: (after) => ledger.pendingPlaces(after, 99) }),
  ],
  [
    'the deliveries of one place',
    'gives those of all',
    (ledger) => ({ pendingDeliveries: (limit) => ledger.pendingDeliveries(limit) }),
  ],
  [
    'the last look',
    'takes any view for a new head',
    (ledger) => ({
      lastLook: async (key) => {
        const last = await ledger.lastLook(key);
        return last === null ? null : { ...last, headSince: last.change.version };
      },
    }),
  ],
  [
    'the last look',
    'forgets when it was',
    (ledger) => ({
      lastLook: async (key) => {
        const last = await ledger.lastLook(key);
        return last === null ? null : { ...last, seenAt: 0 };
      },
    }),
  ],
  ['a commit leads to', 'knows no commit', () => ({ placesAtHead: async () => [] })],
  [
    'a commit leads to',
    'finds places that are closed',
    (ledger, database) => ({
      placesAtHead: async (...call) => {
        await forging(database, 'UPDATE changes SET is_open = 1');
        return ledger.placesAtHead(...call);
      },
    }),
  ],
  ['a repository that nobody is to test', 'ends nothing', () => ({ endRepo: async () => [] })],
  [
    'a repository that nobody is to test',
    'lets what runs run on',
    (ledger) => ({ endRepo: async (...call) => (await ledger.endRepo(...call)).slice(1) }),
  ],
  [
    'a repository that nobody is to test',
    'leaves its places open',
    (ledger, database) => ({
      endRepo: async (...call) => {
        const stops = await ledger.endRepo(...call);
        await forging(database, 'UPDATE changes SET is_open = 1');
        return stops;
      },
    }),
  ],
  [
    'a repository that nobody is to test',
    'ends all of the forge',
    (ledger) => ({
      endRepo: async (repo, now) => {
        await ledger.endRepo({ ...repo, repo: 'other' }, now);
        return ledger.endRepo(repo, now);
      },
    }),
  ],
  ['a repository that nobody is to test', 'knows no repository', () => ({ liveRepos: async () => [] })],
  [
    'a job keeps the version',
    'keeps the last policy that anybody named',
    (ledger, database) => ({
      applyDecision: async (decision) => {
        const applied = await ledger.applyDecision(decision);
        await forging(database, `UPDATE jobs SET policy_version = '${decision.policyVersion ?? ''}'`);
        return applied;
      },
    }),
  ],
  [
    'a job keeps the version',
    'keeps none',
    (ledger) => ({
      applyDecision: ({ policyVersion: _policyVersion, ...decision }) => ledger.applyDecision(decision),
    }),
  ],
  [
    'the open places of a repository',
    'begins with the newest',
    (ledger) => ({
      longestUnseen: async (...call) => [...(await ledger.longestUnseen(...call))].reverse(),
    }),
  ],
  [
    'the open places of a repository',
    'takes what was just seen',
    (ledger) => ({
      longestUnseen: (forge, repo, _before, limit) => ledger.longestUnseen(forge, repo, 10_000, limit),
    }),
  ],
  [
    'a slot is recorded',
    'records no slot',
    (ledger) => ({ settleSchedule: (given) => ledger.settleSchedule(given, null) }),
  ],
  [
    'a slot is recorded',
    'settles nothing',
    (ledger) => ({
      settleSchedule: async (_given, slot) => slot !== null && (await ledger.recordDelivery(slot)),
    }),
  ],
  ['a slot is recorded', 'keeps every schedule', () => ({ forgetSchedule: async () => undefined })],
];

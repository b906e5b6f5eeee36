import type { Database } from '../base/sqlite.ts';
import { forging, type BrokenLedger } from './broken.contract.ts';
import type { Ledger } from './ledger.ts';

/** From keeping to forgetting. */
export const brokenPrune: readonly BrokenLedger[] = [
  ['an ended run is forgotten', 'forgets nothing', () => ({ forgetRuns: async () => 0 })],
  [
    'an ended run is forgotten',
    'forgets what is young',
    (ledger) => ({ forgettableRuns: (_endedBefore, ...rest) => ledger.forgettableRuns(Infinity, ...rest) }),
  ],
  [
    'an ended run is forgotten',
    'leaves the status',
    (ledger, database) => ({
      async forgetRuns(...call) {
        await forging(database, 'CREATE TEMP TABLE kept AS SELECT * FROM reports');
        const forgotten = await ledger.forgetRuns(...call);
        await forging(database, 'INSERT OR IGNORE INTO reports SELECT * FROM kept');
        await forging(database, 'DROP TABLE kept');
        return forgotten;
      },
    }),
  ],
  ['R12: a run of a commit at the head', 'looks at no head', lookingAfter(`UPDATE changes SET head_sha = 'x'`)],
  ['the newest run of each context', 'takes every place for closed', lookingAfter('UPDATE changes SET is_open = 0')],
  ['a run is kept that has not ended', 'lets no worker finish', lookingAfter(`UPDATE attempts SET state = 'ended'`)],
  ['a run is kept that has not ended', 'tells nobody', lookingAfter('UPDATE reports SET posted_version = version')],
  [
    'a run is kept that has not ended',
    'ends what waits',
    lookingAfter(`UPDATE jobs SET state = 'ended', ended_at = 0 WHERE state = 'waiting'`),
  ],
  [
    'R13: a run that opened again',
    'asks for no generation',
    (ledger) => ({
      forgetRuns: (runs, ...rest) =>
        ledger.forgetRuns(
          runs.map(({ jobId }) => ({ jobId, generation: 2 })),
          ...rest,
        ),
    }),
  ],
  [
    'a walk through what ended',
    'begins anew at each step',
    (ledger) => ({ forgettableRuns: (endedBefore, _after, limit) => ledger.forgettableRuns(endedBefore, null, limit) }),
  ],
  [
    'a walk through what ended',
    'looks at everything at once',
    (ledger) => ({ forgettableRuns: (endedBefore, after) => ledger.forgettableRuns(endedBefore, after, 1_000) }),
  ],
  ['what was handled long ago', 'keeps every delivery', () => ({ forgetTraces: async () => 0 })],
  [
    'what was handled long ago',
    'forgets deliveries that wait',
    sweepingAfter(`UPDATE deliveries SET state = 'handled', ended_at = 0 WHERE state = 'pending'`),
  ],
  ['requests and approvals', 'forgets what the forge has yet to hear', sweepingAfter('UPDATE chores SET is_done = 1')],
  ['requests and approvals', 'forgets every approval', sweepingAfter('DELETE FROM approvals')],
  [
    'a closed place is forgotten',
    'forgets places that have runs',
    sweepingAfter('DELETE FROM changes WHERE is_open = 0'),
  ],
  ['a closed place is forgotten', 'forgets open places', sweepingAfter('UPDATE changes SET is_open = 0')],
  ['the first digits', 'knows no run', (_ledger) => ({ unknownRuns: async (idStarts) => idStarts })],
  ['the first digits', 'knows every run', () => ({ unknownRuns: async () => [] })],
];

/** Does this before it looks for what may be forgotten, and before it forgets. */
function lookingAfter(sql: string): (ledger: Ledger, database: Database) => Partial<Ledger> {
  return (ledger, database) => ({
    async forgettableRuns(...call) {
      await forging(database, sql);
      return ledger.forgettableRuns(...call);
    },
  });
}

function sweepingAfter(sql: string): (ledger: Ledger, database: Database) => Partial<Ledger> {
  return (ledger, database) => ({
    async forgetTraces(...call) {
      await forging(database, sql);
      return ledger.forgetTraces(...call);
    },
  });
}

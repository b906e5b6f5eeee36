import { silent, forging, finishingAfter, type BrokenLedger } from './broken.contract.ts';

/** From waiting to running. */
export const brokenClaim: readonly BrokenLedger[] = [
  [
    'R1: an attempt is numbered',
    'gives a number twice',
    (ledger) => ({
      createAttempt: async (offer) => (await ledger.createAttempt(offer)) ?? 1,
    }),
  ],
  ['what was offered is listed', 'mixes queues', (ledger) => ({ offered: () => ledger.offered() })],
  [
    'what was offered is listed',
    'forgets when it was offered',
    (ledger) => ({
      createAttempt: (offer) => ledger.createAttempt({ ...offer, now: 1 }),
    }),
  ],
  [
    'the base commit is fixed',
    'takes a new base for each try',
    (ledger, database) => ({
      createAttempt: async (offer) => {
        await forging(database, 'UPDATE jobs SET base_sha = NULL');
        return ledger.createAttempt(offer);
      },
    }),
  ],
  ['feeding sees', 'looks at every job', (ledger) => ({ feedView: (now) => ledger.feedView(now, 99) })],
  ['feeding sees', 'ignores back-off', (ledger) => ({ feedView: (_now, few) => ledger.feedView(1e12, few) })],
  [
    'feeding sees',
    'does not count what is on its way',
    (ledger) => ({
      feedView: async (...call) => ({ ...(await ledger.feedView(...call)), underway: new Map() }),
    }),
  ],
  [
    'R2: a claim owns',
    'takes a repeated claim for news',
    (ledger) => ({
      claimed: async (...call) => ({ ...(await ledger.claimed(...call)), isNews: true }),
    }),
  ],
  [
    'R2: of two claims',
    'leaves it to the first',
    (ledger) => ({
      claimed: (message, ...rest) => ledger.claimed({ ...message, isRedelivered: false }, ...rest),
    }),
  ],
  [
    'R2: of two claims',
    'takes everybody who claimed for one who may',
    (ledger) => ({
      holders: async (...call) => (await ledger.holders(...call)).map((one) => ({ ...one, isLive: true })),
    }),
  ],
  [
    'R2: of two claims',
    'takes the end of who lost it for the end',
    (ledger, database) => finishingAfter(ledger, () => forging(database, 'UPDATE attempts SET is_owner = 1')),
  ],
  [
    'R2: a beat is as good',
    'hears no beat without a claim',
    (ledger) => ({
      beat: async (message, ...rest) => {
        const live = await ledger.liveAttempts();
        return live.some(({ nonce }) => nonce === message.nonce) ? ledger.beat(message, ...rest) : silent;
      },
    }),
  ],
  [
    'R2: a beat is as good',
    'wakes everybody at each beat',
    (ledger) => ({
      beat: async (...call) => ({ ...(await ledger.beat(...call)), isNews: true }),
    }),
  ],
  [
    'R6: a first handing-out',
    'lets a copy take over',
    (ledger) => ({
      claimed: (message, ...rest) => ledger.claimed({ ...message, isRedelivered: true }, ...rest),
    }),
  ],
  [
    'R2: a claim or beat of an older number',
    'lets the lost go on',
    (ledger) => ({
      beat: async (...call) => ({ ...(await ledger.beat(...call)), stops: [] }),
    }),
  ],
  [
    'R14: who holds what was called off',
    'forgets who claims too late',
    (ledger, database) => ({
      claimed: async (...call) => {
        const applied = await ledger.claimed(...call);
        await forging(database, `DELETE FROM attempts WHERE state = 'live' AND is_owner = 0`);
        return applied;
      },
    }),
  ],
  [
    'R14: who holds what was called off',
    'lets who claims too late own it',
    (ledger, database) => ({
      liveAttempts: async () => {
        await forging(database, 'UPDATE attempts SET is_owner = 1');
        return ledger.liveAttempts();
      },
    }),
  ],
  [
    'R14: who holds what was called off',
    'remembers also who may have read the order in the store',
    (ledger, database) => ({
      claimed: async (...call) => {
        await forging(database, `UPDATE attempts SET state = 'live' WHERE state = 'ended'`);
        return ledger.claimed(...call);
      },
    }),
  ],
  ['R3, R14: who holds what was called off', 'loses nobody', () => ({ lose: async () => undefined })],
  [
    'R3, R14: who holds what was called off',
    'tries again what nobody wants',
    (ledger, database) => ({
      lose: async (...call) => {
        await ledger.lose(...call);
        await forging(database, `UPDATE jobs SET state = 'waiting', outcome = NULL`);
      },
    }),
  ],
  ['R3: what a worker’s hello', 'does not listen to a hello', () => ({ hello: async () => silent })],
  [
    'R3: what a worker’s hello',
    'tells nobody that something was lost',
    (ledger) => ({
      hello: async (...call) => ({ ...(await ledger.hello(...call)), isNews: false }),
    }),
  ],
  [
    'R3: a machine that takes over',
    'tells machines by their host names alone',
    (ledger) => ({
      hello: (message, ...rest) => {
        const { installation: _nobodys, ...offer } = message.offer;
        return ledger.hello({ ...message, offer }, ...rest);
      },
    }),
  ],
  [
    'R3: an old word',
    'takes every hello for the newest',
    (ledger) => {
      let session = 1_000;
      return {
        hello: (message, ...rest) => {
          session += 1;
          return ledger.hello({ ...message, session }, ...rest);
        },
      };
    },
  ],
  ['R3: silent attempts', 'loses nobody', () => ({ lose: async () => undefined })],
  [
    'R3: silent attempts',
    'loses the ended too',
    (ledger, database) => ({
      lose: async (...call) => {
        await forging(database, `UPDATE attempts SET state = 'live' WHERE state = 'ended'`);
        await forging(database, `UPDATE jobs SET state = 'running', outcome = NULL WHERE state = 'ended'`);
        await ledger.lose(...call);
      },
    }),
  ],
  [
    'a worker that leaves',
    'counts a hand-back as a try',
    (ledger) => ({
      bye: async (message, now) => {
        await ledger.lose(await ledger.liveAttempts(), now);
        return ledger.bye(message, now);
      },
    }),
  ],
  [
    'R7: an order that expired',
    'takes an expiry for a try',
    (ledger) => ({
      deadLetter: (order, _reason, now) => ledger.deadLetter(order, 'rejected', now),
    }),
  ],
  [
    'R7: what no worker could read',
    'hands out poison for ever',
    (ledger) => ({
      deadLetter: (order, _reason, now) => ledger.deadLetter(order, 'expired', now),
    }),
  ],
  [
    'of what a worker says again and again',
    'keeps every hello of a worker that it refuses',
    (_ledger, database) => ({
      park: ({ at, worker, why, body }) =>
        database.change((sql) => {
          sql.run(
            'INSERT INTO parked_messages (at, worker, why, bytes, body) VALUES (?, ?, ?, 1, ?)',
            at,
            worker,
            why,
            body,
          );
          return 0;
        }),
    }),
  ],
  [
    'of what a worker says again and again',
    'forgets a result for a hello',
    (ledger, database) => ({
      park: async (message) => {
        if (message.body.includes('"hello"'))
          await forging(database, "DELETE FROM parked_messages WHERE worker = 'w1'");
        return ledger.park(message);
      },
    }),
  ],
  [
    'of what a worker says again and again',
    'forgets what another worker said',
    (ledger, database) => ({
      park: async (message) => {
        if (message.at === 8) await forging(database, "DELETE FROM parked_messages WHERE repeats = 'hello'");
        return ledger.park(message);
      },
    }),
  ],
];

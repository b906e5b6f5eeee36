import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { anOrder } from '../../test/support/ledger-world.ts';
import { silentLogger } from '../base/logger.ts';
import type { Ledger, OfferedAttempt } from '../ledger/ledger.ts';
import type { Queue } from '../queue/queue.ts';
import { createVanishedCheck } from './vanished.ts';

/** Two orders offered long ago, of which the broker has none; what two looks publish when `heardAll` answers so. */
async function publishedAgain(heardAll: (claim: () => void) => boolean): Promise<number> {
  const clock = createHandClock();
  const offeredAt = clock.now() - 60_000;
  let offered: OfferedAttempt[] = ['a', 'b'].map((context) => {
    const job = anOrder({ context });
    const queue = 'jobs.default';
    return { jobId: job.id, generation: 1, n: 1, queue, offeredAt, job, baseSha: null, avoid: [], traceId: 't' };
  });
  let published = 0;
  const check = createVanishedCheck({
    ledger: { offered: () => Promise.resolve(offered) } as unknown as Ledger,
    queue: {
      declare: () => Promise.resolve('found'),
      counts: () => Promise.resolve({ ready: 0, unacked: 0 }),
      publish: () => Promise.resolve((published += 1)),
    } as unknown as Queue,
    clock,
    logger: silentLogger,
    signingKey: 'key',
    forges: new Map(),
    heardAll: () => Promise.resolve(heardAll(() => (offered = []))),
  });
  await check();
  assert.equal(published, 0, 'once is no proof');
  await check();
  return published;
}

test('R6: what the broker has lost is published again after two looks', async () => {
  assert.equal(await publishedAgain(() => true), 2);
});

test('R6: an order whose claim only waits to be applied has not vanished', async () => {
  const claims = (claim: () => void): boolean => {
    claim();
    return true;
  };
  assert.equal(await publishedAgain(claims), 0);
});

test('R6: nothing is said to have vanished while the workers cannot be heard', async () => {
  assert.equal(await publishedAgain(() => false), 0);
});

import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { attemptId } from '../core/attempt.ts';
import { jobQueueOptions } from '../core/queue-plan.ts';
import type { Forge } from '../forge/forge.ts';
import type { Ledger, OfferedAttempt } from '../ledger/ledger.ts';
import type { Queue } from '../queue/queue.ts';
import { envelopeOf } from './feed.ts';
import type { GrantSource } from './give-grants.ts';

/** How often broker and ledger are compared (ms); missing twice in a row is 30 s (R6). */
export const vanishedPeriodMs = 15_000;

/** Offers younger than this may still be on their way to the broker or from it. */
const settledAfterMs = 10_000;

/** What the comparison needs. */
export interface VanishedDeps {
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signingKey: string;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly grants?: GrantSource;
  /** Resolves when all that workers said before this call is applied; false: it takes too long. */
  readonly heardAll: () => Promise<boolean>;
}

/**
 * R6: fewer messages in the broker than offers in the ledger, twice running: some were lost (purged, deleted, never
 * published). Which ones cannot be known, so all are published again under their old numbers; a copy too many is stopped
 * when it is claimed.
 */
export function createVanishedCheck(deps: VanishedDeps): () => Promise<void> {
  let missing = new Set<string>();
  return async () => {
    const settledBefore = deps.clock.now() - settledAfterMs;
    const byQueue = new Map<string, OfferedAttempt[]>();
    for (const attempt of await deps.ledger.offered()) {
      // An offer from the future means that the wall clock stepped back: it is old enough.
      if (attempt.offeredAt > settledBefore && attempt.offeredAt <= deps.clock.now()) continue;
      byQueue.set(attempt.queue, [...(byQueue.get(attempt.queue) ?? []), attempt]);
    }
    const short: { readonly queue: string; readonly attempts: readonly OfferedAttempt[]; readonly inBroker: number }[] =
      [];
    for (const [queue, attempts] of byQueue) {
      await deps.queue.declare(queue, jobQueueOptions);
      const { ready, unacked } = await deps.queue.counts(queue);
      if (ready + unacked >= attempts.length) continue;
      short.push({ queue, attempts, inBroker: ready + unacked });
    }
    const nowMissing = new Set<string>();
    if (short.length > 0) {
      // An order leaves its queue when its claim is in ours (R2), where it may stand behind many others.
      if (!(await deps.heardAll())) return;
      const unclaimed = new Set((await deps.ledger.offered()).map(attemptId));
      for (const { queue, attempts: before, inBroker } of short) {
        const attempts = before.filter((attempt) => unclaimed.has(attemptId(attempt)));
        if (inBroker >= attempts.length) continue;
        if (!missing.has(queue)) {
          nowMissing.add(queue);
          continue;
        }
        deps.logger.warn('orders vanished from the broker; publishing them again', {
          queue,
          offered: attempts.length,
          inBroker,
        });
        for (const attempt of attempts)
          await deps.queue.publish(queue, { body: JSON.stringify(envelopeOf(deps, attempt)) });
      }
    }
    missing = nowMissing;
  };
}

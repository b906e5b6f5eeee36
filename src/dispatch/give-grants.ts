import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { FetchGrant, Grant, GrantKind, GrantObstacle, StoreGrant } from '../core/grant.ts';
import { checkedOut, type Job } from '../core/job.ts';
import { attemptOf } from '../core/job-envelope.ts';
import { runPrefix } from '../core/run-slug.ts';
import type { Subject } from '../core/subject.ts';
import type { ControlMessage, Holding } from '../core/worker-message.ts';
import type { Holder, Ledger } from '../ledger/ledger.ts';
import { createSeldom } from './seldom.ts';
import type { Queue } from '../queue/queue.ts';

/** Where grants come from: the forges and the store, as the server may use them. */
export interface GrantSource {
  /** What attempts of this job have to wait for; empty: nothing. */
  kindsFor(job: Job): readonly GrantKind[];
  /**
   * False while what this job needs could not be granted: an order would be claimed, given back after a minute, and after twelve
   * of these its job would end. Asked before each order leaves, so it waits for nothing. Absent: true.
   */
  canGive?(job: Job): boolean;
  /** What fails now, of what jobs wait for. */
  obstacles?(): readonly GrantObstacle[];
  /** Calls back whenever an answer of `canGive` or `obstacles` may be another one. */
  onTurn?(hear: () => void): void;
  /**
   * Read-only, for the one repository, good for a quarter of an hour at least; null: whoever reaches it may fetch it. `isRefused`: what
   * it gave before was not taken.
   */
  fetchGrant(subject: Subject, signal: AbortSignal, isRefused?: boolean): Promise<FetchGrant | null>;
  /** What a person has to do where `fetchGrant` gave null and that was not enough; null: nothing is known. */
  fetchHint?(subject: Subject): string | null;
  /** Below `prefix` alone (no slash at its end), for so long or less; null: the store gives none, and the worker has its own way. `takesForms`: see `Claimed`. */
  storeGrant(
    prefix: string,
    validMs: number,
    takesForms: boolean,
  ): Promise<{ readonly grant: StoreGrant; readonly validMs: number } | null>;
}

/**
 * A form cannot be taken back, so it is short; whoever works longer, or whose log comes late, asks again in its last quarter. So much
 * that a server may be away for an hour before a log has to wait on its worker's disk.
 */
const storeValidMs = 4 * 3_600_000;
const fetchValidMs = 15 * 60_000;
/** A forge or a store that hangs holds up its own answers alone, and not for ever; the worker asks again. */
const mostUnderway = 500;
const patienceMs = 30_000;
/** The log hears of one old worker so often at most (ms). */
const oldWorkerAgainMs = 24 * 3_600_000;

/** A claim or an `ask`. */
export interface Asking extends Holding {
  readonly wants?: readonly GrantKind[];
  readonly isFetchRefused?: boolean;
  readonly takesForms?: boolean;
}

/** Answers claims and questions with grants, beside the collector: a forge that hangs must not hold up messages. */
export interface Granting {
  /** The worker owns this, or asks for it; whether it may have it is looked up here. Nothing is owed: it asks again. `wants` absent: all that the order names. */
  give(worker: string, asking: Asking): void;
}

export function createGranting(deps: {
  readonly source: GrantSource;
  readonly ledger: Pick<Ledger, 'holders'>;
  readonly queue: Pick<Queue, 'sendControl'>;
  readonly clock: Clock;
  readonly logger: Logger;
}): Granting {
  const { source, ledger, queue, clock, logger } = deps;
  const underway = new Set<string>();
  const isToBeTold = createSeldom(clock, oldWorkerAgainMs);

  const grantFor = async (
    { envelope, nonce, isFetchRefused = false, takesForms = false }: Asking,
    kinds: readonly GrantKind[],
    signal: AbortSignal,
  ): Promise<Grant> => {
    const { job } = envelope;
    const { generation, n } = attemptOf(envelope);
    const [fetch, store] = await Promise.all([
      kinds.includes('fetch') ? source.fetchGrant(checkedOut(job), signal, isFetchRefused) : null,
      kinds.includes('store')
        ? source.storeGrant(runPrefix(job, { generation, n, nonce }), storeValidMs, takesForms)
        : null,
    ]);
    const hint = kinds.includes('fetch') && fetch === null ? (source.fetchHint?.(checkedOut(job)) ?? null) : null;
    return {
      validMs: store?.validMs ?? fetchValidMs,
      fetch,
      ...(hint === null ? {} : { fetchHint: hint }),
      store: store?.grant ?? null,
    };
  };

  const answer = async (worker: string, holding: Asking, kinds: readonly GrantKind[]): Promise<void> => {
    const attempt = attemptOf(holding.envelope);
    const standing = standingOf(worker, holding.nonce, await ledger.holders(attempt));
    if (standing === 'refused') {
      logger.warn('a worker asks for what is not its own', { worker, job: attempt.jobId });
      return;
    }
    // What is over and was not even fetched is about to be stopped: nothing may begin.
    if (standing === 'over' && kinds.includes('fetch')) return;
    const patience = new AbortController();
    const timer = clock.after(patienceMs, () => {
      patience.abort();
    });
    try {
      const grant = await grantFor(holding, kinds, patience.signal);
      if (grant.store?.kind === 's3-form' && grant.store.forms === undefined && isToBeTold(worker)) {
        logger.warn('a worker of 0.1 got a form for any type of content; upgrade it, then set grants: typed-form', {
          worker,
        });
      }
      const message: ControlMessage = { v: 1, kind: 'grant', attempt, nonce: holding.nonce, grant };
      await queue.sendControl(worker, { body: JSON.stringify(message) });
    } finally {
      timer.cancel();
    }
  };

  return {
    give(worker, holding) {
      const { wants } = holding;
      const kinds = (holding.envelope.grants ?? []).filter((kind) => wants?.includes(kind) ?? true);
      if (kinds.length === 0) return;
      if (underway.has(holding.nonce) || underway.size >= mostUnderway) return;
      underway.add(holding.nonce);
      answer(worker, holding, kinds)
        .catch((error: unknown) => {
          logger.warn('a worker got no grant; it will ask again', {
            trace: holding.envelope.traceId,
            job: holding.envelope.job.id,
            worker,
            why: errorLine(error),
          });
        })
        .finally(() => underway.delete(holding.nonce));
    },
  };
}

/**
 * Whose attempt it is. Its place in the store has eight digits of the nonce in its name: nobody may choose a nonce that leads
 * into the place of another one.
 */
function standingOf(worker: string, nonce: string, holders: readonly Holder[]): 'running' | 'over' | 'refused' {
  const near = holders.filter((holder) => holder.nonce.slice(0, 8) === nonce.slice(0, 8));
  if (near.some((holder) => holder.nonce !== nonce || holder.worker !== worker)) return 'refused';
  const [mine] = near;
  // Of an earlier ledger: the order is ours, and its log may come. Whoever may fetch has claimed, and we heard that before it
  // asked: an order that somebody kept from earlier is no key to the repository.
  if (mine === undefined) return 'over';
  // Also when its log is sealed: who died before the cleaning seals again, and without an answer it would wait for ever.
  return mine.isLive ? 'running' : 'over';
}

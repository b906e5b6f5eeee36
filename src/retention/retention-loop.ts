import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { pruneOrphans } from './prune-orphans.ts';
import { pruneRuns } from './prune-runs.ts';

/** A start has better things to do, and a scan should have seen the heads first. */
const firstAfterMs = 5 * 60_000;
const everyMs = 3_600_000;
/** More than this between what the wall clock and the monotonic one say has passed: somebody set the clock. */
const clockStepMs = 3_600_000;
const orphansEveryMs = 24 * 3_600_000;
/** Half-written objects: no put takes a day. */
const halfWrittenMs = 24 * 3_600_000;
/** Forges show what they delivered for three days, and the sweep must know what it had. */
const leastTracesMs = 4 * 24 * 3_600_000;
/** Rows of each kind in one transaction. */
const tracesAtOnce = 200;

/** What forgetting needs. */
export interface RetentionDeps {
  readonly ledger: Ledger;
  readonly store: ObjectStore;
  /** Removes what killed processes left half-written in the store; returns how many files. */
  readonly sweepStore: (olderThanMs: number) => Promise<number>;
  /** Removes what growing logs left beside complete ones, as after a crash; returns how many objects. */
  readonly tidyLogs: (signal: AbortSignal) => Promise<number>;
  /** Brings the mirrors what they miss; returns how many objects. */
  readonly fillMirrors: (signal: AbortSignal) => Promise<number>;
  /** Gives a little free space of the ledger's file back; true: there is more. */
  readonly giveBackSpace: () => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long an ended run is kept. */
  readonly keepRunsMs: number;
}

/**
 * Forgets what is old, five minutes after the start and each hour, until the signal aborts. Each part by itself: a store that is
 * away keeps the runs, not the rest. Nothing here is urgent, so a failure waits for the next round.
 */
export async function runRetention(deps: RetentionDeps, signal: AbortSignal): Promise<void> {
  const { clock } = deps;
  let orphansAt = clock.monotonic();
  let offset = clock.now() - clock.monotonic();
  await sleep(clock, firstAfterMs, signal);
  while (!signal.aborted) {
    const step = clock.now() - clock.monotonic() - offset;
    if (Math.abs(step) > clockStepMs) {
      // A clock that ran ahead would make everything old at once. One round is left out and said; a clock that is right will be
      // right at the next, and a wrong one has been seen.
      offset += step;
      deps.logger.warn('the clock was set: nothing is forgotten in this round', { bySeconds: Math.round(step / 1000) });
      await sleep(clock, everyMs, signal);
      continue;
    }
    const withOrphans = clock.monotonic() >= orphansAt;
    await forgetOnce(deps, { withOrphans }, signal);
    if (withOrphans) orphansAt = clock.monotonic() + orphansEveryMs;
    await sleep(clock, everyMs, signal);
  }
}

/** One round. */
export async function forgetOnce(
  deps: RetentionDeps,
  options: { readonly withOrphans: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { ledger, clock, logger } = deps;
  const before = clock.now() - deps.keepRunsMs;
  const part = async (what: string, work: () => Promise<void>): Promise<void> => {
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      logger.warn(`${what} failed; it will be tried again`, { why: errorLine(error) });
    }
  };
  await part('forgetting old runs', async () => {
    const { forgotten, objects, failed, why } = await pruneRuns(deps, before, signal);
    if (forgotten > 0) logger.info('forgot old runs', { runs: forgotten, objects });
    if (failed > 0) logger.warn('old runs stay, since the store does not remove them', { runs: failed, why });
  });
  await part('forgetting old traces', async () => {
    const tracesBefore = Math.min(before, clock.now() - leastTracesMs);
    while (!signal.aborted && (await ledger.forgetTraces(tracesBefore, tracesAtOnce)) > 0);
  });
  await part('sweeping the store', async () => {
    const swept = await deps.sweepStore(halfWrittenMs);
    if (swept > 0) logger.info('removed half-written objects', { files: swept });
  });
  if (options.withOrphans) {
    await part('looking for objects of unknown runs', async () => {
      const removed = await pruneOrphans(deps, before, signal);
      if (removed > 0) logger.info('removed objects of runs that the ledger does not know', { objects: removed });
    });
    await part('tidying logs', async () => {
      const removed = await deps.tidyLogs(signal);
      if (removed > 0) logger.info('removed pieces of logs that are complete', { objects: removed });
    });
    await part('copying to mirrors', async () => {
      const copied = await deps.fillMirrors(signal);
      if (copied > 0) logger.info('the mirrors have what they missed', { objects: copied });
    });
  }
  await part('giving space back', async () => {
    while (!signal.aborted && (await deps.giveBackSpace()));
  });
}

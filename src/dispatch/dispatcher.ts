import { errorLine, isGroundcrewError } from '../base/errors.ts';
import { createLanes } from '../base/lanes.ts';
import { createBell } from '../base/bell.ts';
import { sleep } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { collectorOptions, collectorQueue, deadLetterQueue, jobQueueOptions, parkedQueue } from '../core/queue-plan.ts';
import type { Job } from '../core/job.ts';
import type { JobEnvelope } from '../core/job-envelope.ts';
import type { ControlMessage, WorkerMessage } from '../core/worker-message.ts';
import { collect, collectDeadLetter, isVouched, sendStops, sendWish, type CollectDeps } from './collect.ts';
import { feedOnce, newFeedState, type FeedDeps } from './feed.ts';
import { createGranting } from './give-grants.ts';
import { keepParked } from './keep-parked.ts';
import { createNamesakes } from './namesakes.ts';
import { createOvertime } from './overtime.ts';
import { createPoolCheck } from './pool-check.ts';
import { createPresence, type Presence } from './presence.ts';
import { createServing } from './serving.ts';
import { createSilence } from './silence.ts';
import { createRefusing } from './unreadable.ts';
import { createVanishedCheck, vanishedPeriodMs } from './vanished.ts';
import type { Stop } from '../ledger/ledger.ts';
import type { WorkerWish } from '../ledger/ledger-reader.ts';
import type { Answer, Delivery } from '../queue/queue.ts';

/** A message that cannot be applied is tried again after this (ms), and set aside at that try. */
const handlePauseMs = 1_000;
const mostHandlings = 5;
/** So many messages are taken at once: what comes in together is one commit of the ledger, not one each. */
const collectAtOnce = 256;
/** A collector queue that is longer than this (ms) is too far behind to compare with the broker. */
const mostDrainMs = 60_000;
/** Looks at feeding begin at least so far apart (ms): what was freed meanwhile is one look, not one each. */
const feedSpacingMs = 20;
/** How often silence is looked for (ms). */
const reapPeriodMs = 5_000;
/** Feeding is looked at this often even when nobody woke it (ms). */
const idleFeedMs = 30_000;
/** How long running attempts of an earlier ledger's life may take to speak up (R9): a beat period (ms). */
const beatPeriodMs = 15_000;

/** What the dispatcher needs: everything of feeding, and the rest. */
export interface DispatcherDeps extends Omit<FeedDeps, 'presence' | 'onOpened'> {
  readonly random: Random;
  /** Who we are to the broker (`Delivery.from`); absent or null: it does not say who speaks. */
  readonly identity?: string | null;
  /** Keys that orders may be signed with, the current one among them. */
  readonly verifyKeys: readonly string[];
  /** The pools that this worker was made for; null: not known. Absent: of nobody. */
  readonly poolsOf?: (worker: string) => readonly string[] | null;
  /** Queues that an earlier life may have filled, besides those the ledger knows (R9). */
  readonly knownQueues: readonly string[];
  /** Hears of each message of a worker that was applied. */
  readonly onHeard?: (message: WorkerMessage) => void;
  /** The ledger changed in a way that a forge or a page should show. */
  readonly onChanged: () => void;
  /**
   * There are traces of work of an earlier ledger, besides a broker's. Where the broker's tables are in the ledger's own file
   * (embedded), they go together, and the workers' directories and the store stay.
   */
  readonly hadEarlierLife?: boolean;
  /** Called once, on a fresh ledger after an earlier life, after the workers had time to speak (R9): reads run records. */
  readonly recover: (signal: AbortSignal) => Promise<void>;
  /** Applies the verdicts that the store has of this job (R9). */
  readonly readBack: (job: Job) => Promise<void>;
}

/** The part of the server between ledger and workers. */
export interface Dispatcher {
  readonly presence: Presence;
  /** Listens to the workers; resolves when all that they said before is applied, and it is safe to scan and feed (R3, R9). */
  start(signal: AbortSignal): Promise<void>;
  /** Feeds and reaps until the signal aborts. After `start`. */
  run(signal: AbortSignal): Promise<void>;
  /** New work, freed slots: look at feeding now. */
  wake(): void;
  /** R10, for an envelope that came another way than by a message. */
  vouchesFor(worker: string, envelope: JobEnvelope): boolean;
  /** Tells workers what a decision ended. */
  stop(stops: readonly Stop[]): Promise<void>;
  /** Wants this of a worker from now on; it is told at once, and again at each of its hellos. False: nobody of that name was ever heard. */
  wish(worker: string, wish: WorkerWish, by: string): Promise<boolean>;
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { clock, queue, ledger, logger } = deps;
  const presence = createPresence(clock);
  const silence = createSilence(clock);
  const overtime = createOvertime(clock);
  const markers = new Map<string, () => void>();
  const feedBell = createBell(clock);
  const wake = (): void => {
    feedBell.ring();
  };
  const lanes = createLanes();
  let life: AbortSignal | undefined;
  /** What an earlier ledger knew is not known yet. */
  let isRefilling = false;

  /**
   * A message that we cannot apply is tried again, and set aside when it is the message's fault: it must not block the rest.
   * It stays in hand meanwhile, so that neither its worker's next one nor a marker of ours overtakes it.
   */
  const handled = async (delivery: Delivery, work: () => Promise<Answer>): Promise<Answer> => {
    for (let tries = delivery.deliveryCount; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        const isOurs = isGroundcrewError(error) && error.retry !== 'never';
        logger.error('a message could not be applied', { tries, why: errorLine(error) });
        if (!isOurs && tries >= mostHandlings) return 'reject';
        await sleep(clock, handlePauseMs, life);
        if (life?.aborted === true) return 'retry';
      }
    }
  };

  const serving = createServing({ queue, presence, logger });
  const onOpened = (name: string): void => {
    serving.opened(name);
  };
  const { grants, poolsOf } = deps;
  grants?.onTurn?.(wake);
  const collectDeps: CollectDeps = {
    ...(deps.onHeard === undefined ? {} : { onHeard: deps.onHeard }),
    ...(grants === undefined ? {} : { granting: createGranting({ source: grants, ledger, queue, clock, logger }) }),
    identity: deps.identity ?? null,
    serving,
    refuse: createRefusing({ queue, clock, logger }),
    isNamesake: createNamesakes({ presence, queue, clock, logger }),
    ...(poolsOf === undefined ? {} : { isOutOfPool: createPoolCheck({ poolsOf, queue, clock, logger }) }),
    ledger,
    queue,
    presence,
    silence,
    overtime,
    clock,
    logger,
    verifyKeys: deps.verifyKeys,
    wake: () => {
      wake();
      deps.onChanged();
    },
    beforeVerdict: async (job) => {
      if (isRefilling) await deps.readBack(job);
    },
    onMarker: async (id) => {
      await lanes.settled();
      markers.get(id)?.();
      markers.delete(id);
    },
    inTurn: (worker, delivery, work) => lanes.run(worker, () => handled(delivery, work)),
  };

  /** R3: everything said before this call is applied when it resolves. */
  const drain = async (signal: AbortSignal): Promise<void> => {
    const id = deps.random.hex(8);
    const bell = createBell(clock);
    markers.set(id, () => {
      bell.ring();
    });
    await queue.publish(collectorQueue, { body: JSON.stringify({ marker: id }) });
    await bell.wait(null, signal);
    markers.delete(id);
  };

  const heardAll = async (signal: AbortSignal): Promise<boolean> => {
    const limit = new AbortController();
    const timer = clock.after(mostDrainMs, () => {
      limit.abort();
    });
    const either = AbortSignal.any([signal, limit.signal]);
    await drain(either);
    timer.cancel();
    return !either.aborted;
  };

  const askWhoRuns = async (): Promise<void> => {
    const message: ControlMessage = { v: 1, kind: 'who-runs' };
    await queue.sendControl('all', { body: JSON.stringify(message) });
  };

  const listenAgain = async (signal: AbortSignal): Promise<void> => {
    await drain(signal);
    silence.listening();
  };

  const forgetEarlierLife = async (signal: AbortSignal): Promise<void> => {
    logger.warn('fresh ledger after an earlier life: asking the workers before anything is started', {});
    for (const name of deps.knownQueues) {
      await queue.declare(name, jobQueueOptions);
      await queue.purge(name);
    }
    await askWhoRuns();
    await drain(signal);
    await sleep(clock, beatPeriodMs, signal);
    await drain(signal);
    await deps.recover(signal);
  };

  const reap = async (): Promise<void> => {
    const live = await ledger.liveAttempts();
    const silent = silence.silent(live);
    // Before what was said while nobody listened is applied, an end may still be among it.
    const over = silence.isListening() ? overtime.over(live) : [];
    const lost = [...new Set([...silent, ...over])];
    if (lost.length === 0) return;
    logger.warn('attempts are lost', { attempts: lost.length, first: lost[0]?.jobId });
    for (const { worker, jobId, n } of over) {
      logger.error('a worker goes on with a job long after its time limit; the attempt is given up', {
        worker,
        job: jobId,
        n,
      });
    }
    await ledger.lose(lost, clock.now());
    await sendStops(
      collectDeps,
      over.map((attempt) => ({ ...attempt, reason: 'withdrawn', by: 'its time limit is long over' })),
    );
    collectDeps.wake();
  };

  const each = async (
    periodMs: number,
    what: string,
    work: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> => {
    while (!signal.aborted) {
      await sleep(clock, periodMs, signal);
      if (signal.aborted) return;
      await attempt(what, work);
    }
  };

  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      logger.error(`${what} failed; it will be tried again`, { why: errorLine(error) });
    }
  };

  const feedLoop = async (signal: AbortSignal): Promise<void> => {
    const state = newFeedState();
    while (!signal.aborted) {
      const began = clock.monotonic();
      feedBell.reset();
      let nextAt: number | null = null;
      await attempt('feeding', async () => {
        nextAt = await feedOnce({ ...deps, presence, onOpened }, signal, state);
      });
      await feedBell.wait(
        nextAt === null ? idleFeedMs : Math.min(idleFeedMs, Math.max(1, nextAt - clock.now())),
        signal,
      );
      await sleep(clock, Math.max(0, began + feedSpacingMs - clock.monotonic()), signal);
    }
  };

  return {
    presence,
    wake,
    vouchesFor: (worker, envelope) => isVouched(collectDeps, worker, envelope),
    stop: (stops) => sendStops(collectDeps, stops),
    async wish(worker, wish, by) {
      if (!(await ledger.wishOfWorker(worker, wish, by, clock.now()))) return false;
      await sendWish(collectDeps, worker, wish === 'work' ? 'resume' : wish);
      return true;
    },
    async start(signal) {
      life = signal;
      await queue.declare(deadLetterQueue, {});
      await queue.declare(parkedQueue, {});
      const before = await queue.declare(collectorQueue, collectorOptions);
      const isFresh = await ledger.isFresh();
      const offered = (await ledger.offered()).map((each) => each.queue);
      for (const name of new Set([...deps.knownQueues, ...offered])) {
        await queue.declare(name, jobQueueOptions);
        serving.opened(name);
      }
      isRefilling = isFresh && (before === 'found' || deps.hadEarlierLife === true);
      await queue.consume(collectorQueue, (delivery) => collect(collectDeps, delivery), { prefetch: collectAtOnce });
      await queue.consume(deadLetterQueue, (delivery) =>
        handled(delivery, () => collectDeadLetter(collectDeps, delivery)),
      );
      await keepParked(deps, handled);
      queue.onConnection((state) => {
        silence.deaf();
        if (state === 'up') void attempt('listening again', () => listenAgain(signal));
      });
      if (isRefilling) await forgetEarlierLife(signal);
      else await askWhoRuns();
      isRefilling = false;
      if (isFresh) await ledger.begin(clock.now());
      await listenAgain(signal);
    },
    async run(signal) {
      const vanished = createVanishedCheck({ ...deps, heardAll: () => heardAll(signal) });
      await Promise.all([
        feedLoop(signal),
        each(reapPeriodMs, 'looking for silence', reap, signal),
        each(vanishedPeriodMs, 'comparing with the broker', () => vanished(), signal),
      ]);
    },
  };
}

import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import { attemptOf } from '../core/job-envelope.ts';
import { decodeMessage, jobEnvelopeSchema } from '../core/message-schema.ts';
import type { Phase } from '../core/outcome.ts';
import { collectorOptions, collectorQueue, jobQueueOptions, servedQueues } from '../core/queue-plan.ts';
import type { Holding, WorkerMessage, WorkerOffer } from '../core/worker-message.ts';
import type { Answer, Delivery, Queue } from '../queue/queue.ts';
import type { AttemptRunner, RunningAttempt } from './attempt-runner.ts';
import { hearControl } from './hear-control.ts';
import { createHealth } from './health.ts';
import { listenSlots } from './listen-slots.ts';
import { freeSlot, quiet, type Slot } from './slot.ts';
import { createSpoolSender } from './spool-sender.ts';
import type { Spool } from './spool.ts';

const beatMs = 15_000;
const helloMs = 30_000;
const retryMs = 2_000;
/** An order that avoids this worker is handed back so often, then taken after all: nobody else seems to come. */
const mostAvoids = 4;
const avoidPauseMs = 1_000;
const claimPauseMs = 5_000;

/** What the worker needs. `session` counts the starts of this worker on its disk. */
export interface WorkerDeps {
  readonly name: string;
  readonly session: number;
  readonly offer: WorkerOffer;
  readonly queue: Queue;
  readonly runner: AttemptRunner;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** A worker's part of the protocol (R2, R3, R5). It dials out and keeps no forge credential. */
export interface WorkerLoop {
  /** Sends what an earlier life left, says hello, and works until `leave` is done or `signal` aborts (then at once, holding on to nothing). */
  run(signal: AbortSignal): Promise<void>;
  /** Takes nothing new and finishes; with `now`, hands back what runs. Resolves `run`. */
  leave(how: 'when-done' | 'now'): void;
  /** Takes nothing new until `resume`. */
  pause(): void;
  resume(): void;
}

interface Held {
  readonly holding: Holding;
  readonly attempt: RunningAttempt;
  /** Null for an adopted attempt beyond the slots, until one gets free. */
  slot: Slot | null;
  phase: Phase;
  logBytes: number;
}

type Said = WorkerMessage extends infer M
  ? M extends WorkerMessage
    ? Omit<M, 'v' | 'worker' | 'session' | 'seq'>
    : never
  : never;

export function createWorkerLoop(deps: WorkerDeps): WorkerLoop {
  const { clock, queue, logger, runner } = deps;
  const queues = servedQueues(deps.offer.pool, deps.offer.capabilities);
  const held = new Map<string, Held>();
  const claiming = new Map<string, Holding>();
  const slots: Slot[] = Array.from({ length: deps.offer.slots }, freeSlot);
  const closing = new Set<Promise<void>>();
  let seq = 0;
  let isPaused = false;
  let isLeaving = false;
  let isListening = false;
  let onIdle: () => void = () => undefined;
  let life = new AbortController().signal;

  const bodyOf = (said: Said): string => {
    seq += 1;
    return JSON.stringify({ v: 1, worker: deps.name, session: deps.session, seq, ...said });
  };
  const say = (said: Said): Promise<void> => queue.publish(collectorQueue, { body: bodyOf(said) });

  const health = createHealth({
    refusal: () => runner.refusal(),
    clock,
    logger,
    life: () => life,
    onGood: () => {
      listen();
    },
  });
  const sender = createSpoolSender({ spool: deps.spool, queue, clock, logger, life: () => life });

  const hello = async (): Promise<void> => {
    const holds = [...claiming.values(), ...[...held.values()].map((one) => one.holding)];
    await say({ kind: 'hello', offer: deps.offer, holds: [...holds] });
  };

  const beat = (one: Held): void => {
    say({ kind: 'beat', ...one.holding, phase: one.phase, logBytes: one.logBytes }).catch((error: unknown) => {
      logger.debug('a beat was not sent', { why: errorLine(error) });
    });
  };

  const progressOf = (nonce: () => string) => ({
    phase: (phase: Phase): void => {
      const one = held.get(nonce());
      if (one === undefined || one.phase === phase) return;
      one.phase = phase;
      if (!life.aborted) beat(one);
    },
    logBytes: (bytes: number): void => {
      const one = held.get(nonce());
      if (one !== undefined) one.logBytes = bytes;
    },
  });

  /** From start or adoption to the spooled final; then the slot is free and the log goes on to the store by itself. */
  const attend = async (holding: Holding, attempt: RunningAttempt, slot: Slot | null): Promise<void> => {
    const one: Held = { holding, attempt, slot, phase: 'claimed', logBytes: 0 };
    held.set(holding.nonce, one);
    const pulse = new AbortController();
    void (async () => {
      while (!pulse.signal.aborted && !life.aborted) {
        await sleep(clock, beatMs, pulse.signal);
        if (!pulse.signal.aborted && !life.aborted) beat(one);
      }
    })();
    const end = await attempt.ended;
    if (life.aborted) return;
    const finished = {
      v: 1,
      worker: deps.name,
      session: deps.session,
      seq: 0,
      kind: 'finished',
      ...holding,
      ...end,
    } as const;
    await sender.keep(finished);
    pulse.abort();
    held.delete(holding.nonce);
    void sender.flush();
    const sealing = sealAndClean(holding, attempt);
    closing.add(sealing);
    void sealing.finally(() => closing.delete(sealing));
    const heir = [...held.values()].find((other) => other.slot === null);
    if (heir !== undefined) heir.slot = one.slot;
    else if (one.slot !== null) one.slot.isTaken = false;
    listen();
    onIdle();
  };

  const sealAndClean = async (holding: Holding, attempt: RunningAttempt): Promise<void> => {
    try {
      const seal = await attempt.seal(life);
      if (seal !== null) {
        await sender.keep({
          v: 1,
          worker: deps.name,
          session: deps.session,
          seq: 0,
          kind: 'sealed',
          ...holding,
          ...seal,
        });
        void sender.flush();
      }
      if (!life.aborted) await attempt.cleanup();
    } catch (error) {
      logger.error('an attempt could not be cleaned up', { job: holding.envelope.job.id, why: errorLine(error) });
    }
  };

  /**
   * A stray (another queue delivered to the same slot, or we stop listening) is held until its consumer is cancelled: given
   * back earlier it would bounce to us at once, and twenty bounces are poison (R7).
   */
  const take = async (slot: Slot, delivery: Delivery): Promise<Answer> => {
    while (slot.claim !== null) await slot.claim;
    if (slot.isTaken || !mayTake()) {
      await quiet(slot);
      return 'retry';
    }
    const claim = claimFor(slot, delivery);
    slot.claim = claim;
    try {
      return await claim;
    } finally {
      slot.claim = null;
    }
  };

  const claimFor = async (slot: Slot, delivery: Delivery): Promise<Answer> => {
    const envelope = decodeMessage(jobEnvelopeSchema, delivery.body);
    if (envelope === null) return 'reject';
    if (!(await health.check())) {
      await stopListening();
      return 'retry';
    }
    slot.isTaken = true;
    if (envelope.avoid.includes(deps.name) && delivery.deliveryCount <= mostAvoids) {
      await sleep(clock, avoidPauseMs, life);
      slot.isTaken = false;
      return 'retry';
    }
    const holding: Holding = { envelope, nonce: deps.random.hex(8) };
    try {
      await runner.prepare(holding);
      claiming.set(holding.nonce, holding);
      await delivery.publishConfirmed(collectorQueue, {
        body: bodyOf({ kind: 'claimed', ...holding, isRedelivered: delivery.isRedelivered }),
      });
    } catch (error) {
      // R2: not confirmed, not ours.
      logger.warn('a claim was not confirmed; leaving the job to others', {
        trace: envelope.traceId,
        job: envelope.job.id,
        why: errorLine(error),
      });
      claiming.delete(holding.nonce);
      await runner.forget(holding).catch(() => undefined);
      // Given back at once it would come back at once, and twenty times are poison (R7): another worker may have better luck.
      await sleep(clock, claimPauseMs, life);
      slot.isTaken = false;
      return 'retry';
    }
    // R2: before the ack, or a full worker would be handed the next job.
    await quiet(slot);
    const attempt = runner.start(
      holding,
      progressOf(() => holding.nonce),
    );
    claiming.delete(holding.nonce);
    const { jobId, generation, n } = attemptOf(envelope);
    logger.info('attempt started', {
      trace: envelope.traceId,
      job: jobId,
      generation,
      n,
      context: envelope.job.context,
    });
    void attend(holding, attempt, slot);
    return 'ack';
  };

  const mayTake = (): boolean => !isPaused && !isLeaving && !life.aborted && health.isGood;

  function listen(): void {
    if (isListening && mayTake()) listenSlots(slots, { queue, queues, logger, take });
  }

  const stopListening = async (): Promise<void> => {
    await Promise.all(slots.map(quiet));
  };

  const helloSoon = (): void => {
    sender
      .flush()
      .then(hello)
      .catch((error: unknown) => {
        logger.warn('could not say hello; will again', { why: errorLine(error) });
      });
  };

  const untilSaid = async (what: () => Promise<unknown>): Promise<void> => {
    while (!life.aborted) {
      try {
        await what();
        return;
      } catch (error) {
        logger.warn('the broker is away; trying again', { why: errorLine(error) });
        await sleep(clock, retryMs, life);
      }
    }
  };

  const pause = (): void => {
    isPaused = true;
    void stopListening();
  };

  const resume = (): void => {
    isPaused = false;
    listen();
  };

  return {
    async run(signal) {
      life = signal;
      for (const { holding, attempt } of await runner.adopt((found) => progressOf(() => found.nonce))) {
        logger.info('attempt adopted', { trace: holding.envelope.traceId, job: holding.envelope.job.id });
        const slot = slots.find((free) => !free.isTaken) ?? null;
        if (slot !== null) slot.isTaken = true;
        void attend(holding, attempt, slot);
      }
      await untilSaid(() => queue.declare(collectorQueue, collectorOptions));
      for (const name of queues) await untilSaid(() => queue.declare(name, jobQueueOptions));
      await untilSaid(() =>
        queue.onControl(deps.name, ({ body }) => {
          if (!life.aborted) hearControl(body, { held: () => held.values(), pause, resume, hello: helloSoon });
        }),
      );
      queue.onConnection((state) => {
        if (state === 'up' && !life.aborted) helloSoon();
      });
      await sender.flush();
      await untilSaid(hello);
      isListening = true;
      listen();
      void (async () => {
        while (!life.aborted && !isLeaving) {
          await sleep(clock, helloMs, life);
          if (life.aborted || isLeaving) continue;
          helloSoon();
          // A consumer that could not be started, or went down with its connection, is started again.
          listen();
        }
      })();
      await new Promise<void>((resolve) => {
        onIdle = () => {
          if (life.aborted || (isLeaving && held.size === 0 && claiming.size === 0)) resolve();
        };
        life.addEventListener('abort', onIdle, { once: true });
        onIdle();
      });
      if (life.aborted) return;
      await Promise.all(closing);
      await sender.flush();
      await untilSaid(() => say({ kind: 'bye', handsBack: [] }));
    },
    leave(how) {
      isLeaving = true;
      void stopListening();
      if (how === 'now') for (const { attempt } of held.values()) attempt.stop({ kind: 'leaving' });
      onIdle();
    },
    pause,
    resume,
  };
}

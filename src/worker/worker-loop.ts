import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Grant } from '../core/grant.ts';
import { attemptOf } from '../core/job-envelope.ts';
import { decodeMessage, jobEnvelopeSchema } from '../core/message-schema.ts';
import { collectorOptions, collectorQueue, mayServeQueue } from '../core/queue-plan.ts';
import { protocolVersion, type Holding, type WorkerOffer, type WorkerStanding } from '../core/worker-message.ts';
import type { Answer, Delivery, Queue } from '../queue/queue.ts';
import type { AttemptRunner } from './attempt-runner.ts';
import { createBacklog, type BacklogLimits } from './backlog.ts';
import { createHeldAttempts, type Said } from './held-attempts.ts';
import { hearControl, type ControlHearer } from './hear-control.ts';
import { createHealth } from './health.ts';
import { listenSlots } from './listen-slots.ts';
import { freeSlot, quiet, type Slot } from './slot.ts';
import { createSpoolSender } from './spool-sender.ts';
import type { Spool } from './spool.ts';
import { withinMessage } from './within-message.ts';

const helloMs = 30_000;
const retryMs = 2_000;
/** An order that avoids this worker is handed back so often, then taken after all: nobody else seems to come. */
const mostAvoids = 4;
const avoidPauseMs = 1_000;
const claimPauseMs = 5_000;
/** Who hands its jobs back waits for their logs so long; the next start brings what is left. */
const lastLogsMs = 30_000;

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
  /** Absent: what waits for the store is not bounded. */
  readonly backlog?: BacklogLimits;
}

/** A worker's part of the protocol (R2, R3, R5). It dials out and keeps no forge credential. */
export interface WorkerLoop {
  /** Sends what an earlier life left, says hello, and works until `leave` is done or `signal` aborts (then at once, holding on to nothing). */
  run(signal: AbortSignal): Promise<void>;
  /** Takes nothing new and finishes; with `now`, also after the other, hands back what runs. Resolves `run`. */
  leave(how: 'when-done' | 'now'): void;
  /** Takes nothing new until `resume`. */
  pause(): void;
  resume(): void;
}

export function createWorkerLoop(deps: WorkerDeps): WorkerLoop {
  const { clock, queue, logger, runner } = deps;
  const claiming = new Map<string, Holding>();
  /** What was granted to a claim before its consumers were cancelled: far from the broker the answer is faster than they are. */
  const earlyGrants = new Map<string, Grant>();
  const slots: Slot[] = Array.from({ length: deps.offer.slots }, freeSlot);
  let queues: readonly string[] = [];
  let seq = 0;
  let isPaused = false;
  let isLeaving = false;
  let isHurried = false;
  let refused: string | null = null;
  let isListening = false;
  let onIdle: () => void = () => undefined;
  let life = new AbortController().signal;

  const bodyOf = (said: Said): string => {
    seq += 1;
    return JSON.stringify({ v: 1, worker: deps.name, session: deps.session, seq, ...said });
  };
  const say = (said: Said): Promise<void> => queue.publish(collectorQueue, { body: bodyOf(said) });

  const health = createHealth({
    refusal: async () => backlog.refusal() ?? (await runner.refusal()),
    clock,
    logger,
    life: () => life,
    onChange: () => {
      standAnew();
    },
  });
  const sender = createSpoolSender({ spool: deps.spool, queue, clock, logger, life: () => life });
  const backlog = createBacklog({
    limits: deps.backlog ?? { unsentBytes: Number.POSITIVE_INFINITY },
    finals: () => sender.waiting(),
  });

  const attempts = createHeldAttempts({
    worker: deps,
    runner,
    sender,
    backlog,
    say,
    clock,
    logger,
    life: () => life,
  });

  const whyIdle = (): string | null => {
    if (refused !== null) return refused;
    if (isLeaving) return 'leaves as soon as its jobs are done';
    return isPaused ? 'paused' : health.why;
  };
  const standing = (): WorkerStanding => ({ takesJobs: whyIdle() === null, isPaused, why: whyIdle() });

  const hello = async (): Promise<void> => {
    const all = [...claiming.values(), ...attempts.running().map((one) => one.holding)];
    const { within, beyond } = withinMessage(all);
    const alsoHolds = beyond.map(({ nonce }) => nonce);
    await say({
      kind: 'hello',
      offer: deps.offer,
      holds: within,
      ...(alsoHolds.length === 0 ? {} : { alsoHolds }),
      standing: standing(),
    });
  };

  /** An adopted attempt beyond the slots inherits the next one that gets free. */
  const leftOver: Slot[] = [];
  let beyondSlots = 0;
  const slotEnded = (slot: Slot | null): void => {
    if (slot !== null) leftOver.push(slot);
    const free = beyondSlots > 0 ? undefined : leftOver.pop();
    if (beyondSlots > 0) beyondSlots -= 1;
    if (free !== undefined) free.isTaken = false;
    listen();
    onIdle();
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
        body: bodyOf({ kind: 'claimed', ...holding, isRedelivered: delivery.isRedelivered, takesForms: true }),
      });
    } catch (error) {
      // R2: not confirmed, not ours.
      logger.warn('a claim was not confirmed; leaving the job to others', {
        trace: envelope.traceId,
        job: envelope.job.id,
        why: errorLine(error),
      });
      claiming.delete(holding.nonce);
      earlyGrants.delete(holding.nonce);
      await runner.forget(holding).catch(() => undefined);
      // Given back at once it would come back at once, and twenty times are poison (R7): another worker may have better luck.
      await sleep(clock, claimPauseMs, life);
      slot.isTaken = false;
      return 'retry';
    }
    // R2: before the ack, or a full worker would be handed the next job.
    await quiet(slot);
    attempts.begin(holding, () => {
      slotEnded(slot);
    });
    claiming.delete(holding.nonce);
    const early = earlyGrants.get(holding.nonce);
    earlyGrants.delete(holding.nonce);
    if (early !== undefined) attempts.granted(holding.nonce, early);
    const { jobId, generation, n } = attemptOf(envelope);
    logger.info('attempt started', {
      trace: envelope.traceId,
      job: jobId,
      generation,
      n,
      context: envelope.job.context,
    });
    return 'ack';
  };

  const mayTake = (): boolean => !life.aborted && whyIdle() === null;

  function listen(): void {
    if (isListening && mayTake()) listenSlots(slots, { queue, queues, logger, take });
  }

  const stopListening = async (): Promise<void> => {
    await Promise.all(slots.map(quiet));
  };

  const helloSoon = (): void => {
    if (!isListening) return;
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

  /** Whether jobs are taken may have changed: the server hears of it at once, since it feeds whom it believes to be there. */
  const standAnew = (): void => {
    if (mayTake()) listen();
    else void stopListening();
    helloSoon();
  };

  const setPaused = (isNow: boolean): void => {
    if (isPaused === isNow) return;
    isPaused = isNow;
    standAnew();
  };

  const leave = (how: 'when-done' | 'now'): void => {
    const isNew = !isLeaving;
    isLeaving = true;
    if (isNew) standAnew();
    if (how === 'now' && !isHurried) {
      isHurried = true;
      handBack();
    }
    onIdle();
  };

  /** They may run elsewhere at once, unless two of them must never run together: those when ours is known to have ended. */
  const handBack = (): void => {
    const all = attempts.running();
    const { within } = withinMessage(all.flatMap(({ holding }) => (holding.envelope.job.exclusive ? [] : [holding])));
    say({ kind: 'bye', handsBack: within }).catch((error: unknown) => {
      logger.warn('jobs could not be handed back yet; each is when it has ended', { why: errorLine(error) });
    });
    for (const { attempt } of all) attempt.stop({ kind: 'leaving' });
  };

  const heard: ControlHearer = {
    host: deps.offer.hostname,
    installation: deps.offer.installation,
    held: () => attempts.running(),
    pause: () => {
      setPaused(true);
    },
    resume: () => {
      setPaused(false);
    },
    drain: () => {
      if (!isLeaving) logger.info('told to finish and leave');
      leave('when-done');
    },
    // Who is refused waits for its next round: of two machines with one name, the one that works is heard first.
    hello: () => {
      if (refused === null) helloSoon();
    },
    serve: (existing) => {
      const wasRefused = refused !== null;
      refused = null;
      queues = existing.filter((name) => mayServeQueue(name, deps.offer.pool, deps.offer.capabilities));
      if (wasRefused) standAnew();
      else listen();
    },
    grant: (nonce, grant) => {
      if (claiming.has(nonce)) earlyGrants.set(nonce, grant);
      else attempts.granted(nonce, grant);
    },
    refused: (why, speaks) => {
      if (refused !== null) return;
      const versions = speaks.map(String).join(', ');
      const speech = speaks.includes(protocolVersion)
        ? ''
        : ` (it speaks ${versions}, we speak ${String(protocolVersion)})`;
      refused = `the server does not work with this worker: ${why}${speech}`;
      logger.error(refused);
      standAnew();
    },
  };

  return {
    async run(signal) {
      life = signal;
      await attempts.adopt(() => {
        const slot = slots.find((free) => !free.isTaken) ?? null;
        if (slot === null) beyondSlots += 1;
        else slot.isTaken = true;
        return () => {
          slotEnded(slot);
        };
      });
      await untilSaid(() => queue.declare(collectorQueue, collectorOptions));
      await untilSaid(() =>
        queue.onControl(deps.name, ({ body }) => {
          if (!life.aborted) hearControl(body, heard);
        }),
      );
      // Asked earlier, the answer would be lost: adopting waits for no broker.
      attempts.listened();
      queue.onConnection((state) => {
        if (state === 'up' && !life.aborted) helloSoon();
      });
      await sender.flush();
      await health.check();
      isListening = true;
      await untilSaid(hello);
      listen();
      void (async () => {
        while (!life.aborted && !isLeaving) {
          await sleep(clock, helloMs, life);
          if (life.aborted || isLeaving) continue;
          await health.check();
          helloSoon();
          // A consumer that could not be started, or went down with its connection, is started again.
          listen();
        }
      })();
      await new Promise<void>((resolve) => {
        onIdle = () => {
          if (life.aborted || (isLeaving && attempts.running().length === 0 && claiming.size === 0)) resolve();
        };
        life.addEventListener('abort', onIdle, { once: true });
        onIdle();
      });
      if (life.aborted) return;
      if (backlog.attempts > 0) {
        const late = new AbortController();
        await Promise.race([backlog.empty(), ...(isHurried ? [sleep(clock, lastLogsMs, late.signal)] : [])]);
        late.abort();
        if (backlog.attempts > 0)
          logger.warn('results stay on this disk until the next start', { runs: backlog.attempts });
      }
      await sender.flush();
      await untilSaid(() => say({ kind: 'bye', handsBack: [] }));
    },
    leave,
    pause() {
      setPaused(true);
    },
    resume() {
      setPaused(false);
    },
  };
}

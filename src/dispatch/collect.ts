import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { jobIdOf, type Job } from '../core/job.ts';
import { isSignedEnvelope, type JobEnvelope } from '../core/job-envelope.ts';
import { decodeMessage, jobEnvelopeSchema, workerMessageSchema } from '../core/message-schema.ts';
import { isVerdict } from '../core/outcome.ts';
import type { ControlMessage, Hello, WorkerMessage, WorkerOffer } from '../core/worker-message.ts';
import type { Applied, Ledger, Stop } from '../ledger/ledger.ts';
import type { Answer, Delivery, Queue } from '../queue/queue.ts';
import type { Granting } from './give-grants.ts';
import { mayTellEnd } from './may-tell-end.ts';
import type { IsNamesake } from './namesakes.ts';
import type { Overtime } from './overtime.ts';
import type { IsOutOfPool } from './pool-check.ts';
import { mayServe, type Presence } from './presence.ts';
import type { Serving } from './serving.ts';
import type { Silence } from './silence.ts';
import { tellWorker } from './tell-worker.ts';

/** What the collector needs. `verifyKeys`: several while the signing key rotates. */
export interface CollectDeps {
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly presence: Presence;
  readonly silence: Silence;
  readonly overtime: Overtime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly verifyKeys: readonly string[];
  /** Something changed: feeding and reporting are worth a look. */
  readonly wake: () => void;
  /** A message of our own came round. Resolves when all that stood before it is applied (R3). */
  readonly onMarker: (id: string) => Promise<void>;
  /** While a lost ledger's results are read back: applies what the store has of this job (R9). Else does nothing. */
  readonly beforeVerdict: (job: Job) => Promise<void>;
  /** Who we are to the broker; null: it does not say who speaks. */
  readonly identity: string | null;
  /** Absent: nothing is granted. */
  readonly granting?: Granting;
  readonly serving: Serving;
  /** Hears of each message that was applied. */
  readonly onHeard?: (message: WorkerMessage) => void;
  /** Tells a speaker of another version that we do not understand it. */
  readonly refuse: (delivery: Delivery) => Promise<void>;
  readonly isNamesake: IsNamesake;
  /** Absent: nobody knows whose pools are whose but the broker. */
  readonly isOutOfPool?: IsOutOfPool;
  /** Runs `work` when this worker's earlier messages are applied, again and again where it fails. */
  readonly inTurn: (worker: string, delivery: Delivery, work: () => Promise<Answer>) => Promise<Answer>;
}

/** Tells workers to stop holdings; best effort, repeated at each beat (R14). */
export async function sendStops(deps: Pick<CollectDeps, 'queue' | 'logger'>, stops: readonly Stop[]): Promise<void> {
  for (const { worker, nonce, reason, by, jobId, generation, n } of stops) {
    const message: ControlMessage = { v: 1, kind: 'cancel', attempt: { jobId, generation, n }, nonce, reason, by };
    const missed = 'a worker could not be told to stop; it will be at its next beat';
    await tellWorker(deps, worker, message, { missed, job: jobId });
  }
}

/**
 * Applies one message of the collector queue. Ledger first, answer after: a crash between the two applies it again, which
 * changes nothing. Many may be under way at once, so that they share a commit: those of one worker in their order.
 */
export async function collect(deps: CollectDeps, delivery: Delivery): Promise<Answer> {
  const marker = /^\{"marker":"([0-9a-f]+)"\}$/.exec(delivery.body)?.[1];
  if (marker !== undefined) {
    await deps.onMarker(marker);
    return 'ack';
  }
  const message = decodeMessage(workerMessageSchema, delivery.body);
  if (message === null) {
    // Grants are among what we say, and what is set aside is written down and shown.
    if (deps.identity !== null && delivery.from === deps.identity) {
      deps.logger.error('what we say comes back to us: somebody led it into the collector queue', {
        remedy: 'groundcrew broker setup removes such bindings',
      });
      return 'ack';
    }
    await deps.refuse(delivery);
    return 'reject';
  }
  // Our own: set aside once, and tried again.
  if (delivery.from !== null && delivery.from !== message.worker && delivery.from !== deps.identity) {
    deps.logger.error('somebody speaks for another worker', { worker: message.worker, from: delivery.from });
    return 'reject';
  }
  return deps.inTurn(message.worker, delivery, () => collectMessage(deps, message));
}

async function collectMessage(deps: CollectDeps, message: WorkerMessage): Promise<Answer> {
  if (message.kind === 'hello' && ((await deps.isNamesake(message)) || (await deps.isOutOfPool?.(message)) === true))
    return 'ack';
  const applied = await apply(deps, message);
  if (applied.kind === 'unknown')
    deps.logger.warn('a message speaks of work that we did not give out', {
      worker: message.worker,
      kind: message.kind,
    });
  const isNewcomer = hear(deps, message, applied);
  await sendStops(deps, applied.stops);
  if (applied.kind === 'applied') {
    deps.onHeard?.(message);
    await answer(deps, message, applied);
  }
  if (applied.isNews || isNewcomer) deps.wake();
  return 'ack';
}

async function apply(deps: CollectDeps, message: WorkerMessage): Promise<Applied> {
  const now = deps.clock.now();
  switch (message.kind) {
    case 'hello':
      return deps.ledger.hello(message, vouchedNonces(deps, message), now);
    case 'claimed':
      return deps.ledger.claimed(message, isVouched(deps, message.worker, message.envelope), now);
    case 'beat':
      return deps.ledger.beat(message, isVouched(deps, message.worker, message.envelope), now);
    case 'finished': {
      const isOurs = isVouched(deps, message.worker, message.envelope) && (await mayTellEnd(deps.ledger, message));
      // An order whose ack was lost may have been run again while nobody listened: the first verdict is in the store (R4).
      if (isOurs && isVerdict(message.outcome)) await deps.beforeVerdict(message.envelope.job);
      return deps.ledger.finished(message, isOurs, now);
    }
    case 'sealed':
      if (!isVouched(deps, message.worker, message.envelope)) return unvouched;
      if (!(await mayTellEnd(deps.ledger, message))) return unvouched;
      return deps.ledger.sealed(message);
    case 'ask':
      return isVouched(deps, message.worker, message.envelope) ? nothingNew : unvouched;
    case 'bye': {
      const handsBack = message.handsBack.filter(({ envelope }) => isVouched(deps, message.worker, envelope));
      return deps.ledger.bye({ ...message, handsBack }, now);
    }
    default:
      return message satisfies never;
  }
}

const unvouched: Applied = { kind: 'unknown', isNews: false, stops: [] };
const nothingNew: Applied = { kind: 'applied', isNews: false, stops: [] };

/** What the speaker has to hear besides stops. All of it is said again when it is asked for again. */
async function answer(deps: CollectDeps, message: WorkerMessage, { stops }: Applied): Promise<void> {
  switch (message.kind) {
    case 'claimed':
      if (!stops.some(({ nonce }) => nonce === message.nonce)) deps.granting?.give(message.worker, message);
      return;
    case 'ask':
      deps.granting?.give(message.worker, message);
      return;
    case 'hello':
      await deps.serving.tell(message.worker, message.offer);
      await tellWish(deps, message);
      return;
    case 'beat':
    case 'finished':
    case 'sealed':
    case 'bye':
      return;
    default:
      message satisfies never;
  }
}

/** What a person wants of this worker, until it does it. */
async function tellWish(deps: CollectDeps, { worker, standing }: Hello): Promise<void> {
  const wish = await deps.ledger.workerWish(worker);
  const isPaused = standing?.isPaused ?? false;
  if (wish === 'drain') await sendWish(deps, worker, 'drain');
  else if (wish === 'pause' && !isPaused) await sendWish(deps, worker, 'pause');
  else if (wish === 'work' && isPaused) await sendWish(deps, worker, 'resume');
}

/** Best effort, repeated at each `hello`. */
export async function sendWish(
  deps: Pick<CollectDeps, 'queue' | 'logger'>,
  worker: string,
  kind: 'pause' | 'resume' | 'drain',
): Promise<void> {
  const missed = 'a worker could not be told; it will be at its next hello';
  await tellWorker(deps, worker, { v: 1, kind }, { missed, kind });
}

/**
 * Receive time, monotonic; never the worker's clock (R3). What nobody vouches for, or what is old, is no sign of life: an
 * attempt whose results we could not accept must not be kept alive by its beats. Nor is what one worker says of another's. True when a worker is here that was not.
 */
function hear(deps: CollectDeps, message: WorkerMessage, applied: Applied): boolean {
  if (applied.kind !== 'applied') return false;
  switch (message.kind) {
    case 'hello':
      heardHolds(deps, message);
      for (const nonce of message.alsoHolds ?? []) deps.silence.heard(message.worker, nonce);
      return deps.presence.heard(message.worker, message);
    case 'bye':
      deps.presence.left(message.worker);
      return false;
    case 'claimed':
    case 'beat':
      deps.silence.heard(message.worker, message.nonce);
      deps.overtime.heard(message, message.envelope.job.timeoutMs);
      return false;
    case 'finished':
    case 'sealed':
    case 'ask':
      return false;
    default:
      return message satisfies never;
  }
}

/** R10: our signature, the id that follows from the content, and a pool that this worker may serve. */
export function isVouched(
  deps: Pick<CollectDeps, 'presence' | 'verifyKeys'>,
  worker: string,
  envelope: JobEnvelope,
): boolean {
  return isOurs(envelope, deps.verifyKeys, deps.presence.offerOf(worker));
}

/** `offer` null: this worker has not said yet what it serves. */
function isOurs(envelope: JobEnvelope, verifyKeys: readonly string[], offer: WorkerOffer | null): boolean {
  return (
    isSignedEnvelope(envelope, verifyKeys) &&
    jobIdOf(envelope.job) === envelope.job.id &&
    (offer === null || mayServe(offer, envelope.job))
  );
}

function vouchedNonces(deps: CollectDeps, message: WorkerMessage & { readonly kind: 'hello' }): ReadonlySet<string> {
  return new Set(
    message.holds
      .filter(({ envelope }) => isOurs(envelope, deps.verifyKeys, message.offer))
      .map((holding) => holding.nonce),
  );
}

function heardHolds(deps: CollectDeps, message: Hello): void {
  const vouched = vouchedNonces(deps, message);
  for (const { nonce, envelope } of message.holds) {
    if (!vouched.has(nonce)) continue;
    deps.silence.heard(message.worker, nonce);
    deps.overtime.heard({ worker: message.worker, nonce }, envelope.job.timeoutMs);
  }
}

/** R7: an order that nobody took. What is no order of ours is dropped. */
export async function collectDeadLetter(deps: CollectDeps, delivery: Delivery): Promise<Answer> {
  const envelope = decodeMessage(jobEnvelopeSchema, delivery.body);
  if (envelope === null || delivery.death === null || !isSignedEnvelope(envelope, deps.verifyKeys)) {
    deps.logger.warn('a dead letter is no order of ours', { reason: delivery.death?.reason });
    return 'ack';
  }
  await deps.ledger.deadLetter(envelope, delivery.death.reason, deps.clock.now());
  deps.logger.warn('an order came back', {
    trace: envelope.traceId,
    job: envelope.job.id,
    reason: delivery.death.reason,
  });
  deps.wake();
  return 'ack';
}

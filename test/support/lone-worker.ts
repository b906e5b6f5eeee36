import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { JobEnvelope } from '../../src/core/job-envelope.ts';
import type { ControlMessage, Hello, WorkerMessage } from '../../src/core/worker-message.ts';
import type { Answer, Delivery, DeliveryHandler, Queue } from '../../src/queue/queue.ts';
import { createWorkerLoop, type WorkerDeps } from '../../src/worker/worker-loop.ts';
import { createHandClock, type HandClock } from './hand-clock.ts';
import { holdingOf } from './holding.ts';
import { memorySpool } from './model-runner.ts';
import type { CleansUp } from './temp-dir.ts';

/** A worker with one slot, between a test that is its server and its broker, and a clock that the test moves. */
export interface LoneWorker {
  /** In order; `control` is when it began to listen to the server. */
  readonly said: readonly (WorkerMessage | { readonly kind: 'control' })[];
  hellos(): readonly Hello[];
  /** What it logged as an error. */
  readonly errors: readonly string[];
  tell(message: ControlMessage): void;
  /** Whether it listens for jobs. */
  isTaking(): boolean;
  /** Hands it an order. */
  offer(): Promise<Answer>;
}

export function startLoneWorker(
  context: CleansUp,
  deps: Pick<WorkerDeps, 'runner' | 'backlog'> & {
    readonly clock?: HandClock;
    /** What is handed out; default: an order that needs no grant. */
    readonly order?: JobEnvelope;
    /** Before the broker answers that a consumer is cancelled. */
    readonly onCancel?: () => void;
  },
): LoneWorker {
  const said: LoneWorker['said'][number][] = [];
  const errors: string[] = [];
  const consumers = new Set<DeliveryHandler>();
  let hear: (message: { readonly body: string }) => void = () => undefined;
  const keep = (body: string): Promise<void> => {
    said.push(JSON.parse(body) as WorkerMessage);
    return Promise.resolve();
  };
  const queue: Partial<Queue> = {
    declare: () => Promise.resolve('found'),
    publish: (_queue, { body }) => keep(body),
    consume: (_queue, handle) => {
      consumers.add(handle);
      const cancel = (): Promise<void> => {
        deps.onCancel?.();
        consumers.delete(handle);
        return Promise.resolve();
      };
      return Promise.resolve({ cancel });
    },
    onControl: (_worker, listener) => {
      hear = listener;
      said.push({ kind: 'control' });
      return Promise.resolve({ cancel: () => Promise.resolve() });
    },
    onConnection: () => undefined,
  };
  const life = new AbortController();
  const loop = createWorkerLoop({
    ...{ name: 'w', session: 1, queue: queue as Queue, spool: memorySpool(), random: systemRandom },
    offer: { pool: 'default', capabilities: [], slots: 1, hostname: 'h', version: '1' },
    logger: { ...silentLogger, error: (text) => void errors.push(text) },
    clock: deps.clock ?? createHandClock(),
    runner: deps.runner,
    ...(deps.backlog === undefined ? {} : { backlog: deps.backlog }),
  });
  const running = loop.run(life.signal);
  context.after(async () => {
    life.abort();
    await running;
  });
  return {
    said,
    hellos: () => said.filter((one): one is Hello => one.kind === 'hello'),
    errors,
    tell: (message) => {
      hear({ body: JSON.stringify(message) });
    },
    isTaking: () => consumers.size > 0,
    offer: async () => {
      const [handle] = consumers;
      if (handle === undefined) throw new Error('the worker does not listen');
      const delivery: Delivery = {
        ...{
          body: JSON.stringify(deps.order ?? holdingOf().envelope),
          isRedelivered: false,
          deliveryCount: 1,
          from: null,
          death: null,
        },
        publishConfirmed: (_queue, { body }) => keep(body),
      };
      return handle(delivery);
    },
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { holdingOf } from '../../test/support/holding.ts';
import { memorySpool, modelRunner } from '../../test/support/model-runner.ts';
import { until } from '../../test/support/until.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { attemptOf, signEnvelope } from '../core/job-envelope.ts';
import type { ControlMessage, WorkerMessage } from '../core/worker-message.ts';
import type { Answer, Delivery, DeliveryHandler, Queue } from '../queue/queue.ts';
import { createWorkerLoop } from './worker-loop.ts';

test('a grant that comes before the consumers are cancelled is not lost: the job starts at once', async (context) => {
  const { signature: _nobodys, ...order } = holdingOf().envelope;
  const envelope = signEnvelope({ ...order, grants: ['fetch'] }, 'key');
  const clock = createHandClock();
  const said: WorkerMessage[] = [];
  let hear: (message: { readonly body: string }) => void = () => undefined;
  let handler: DeliveryHandler | null = null;
  const tell = (message: ControlMessage): void => {
    hear({ body: JSON.stringify(message) });
  };
  const keep = (body: string): Promise<void> => {
    said.push(JSON.parse(body) as WorkerMessage);
    return Promise.resolve();
  };
  const queue: Partial<Queue> = {
    declare: () => Promise.resolve('found'),
    publish: (_queue, { body }) => keep(body),
    consume: (_queue, handle) => {
      handler = handle;
      const cancel = (): Promise<void> => {
        // The server is faster than the broker's answer to the cancel.
        const claim = said.find(({ kind }) => kind === 'claimed');
        assert.ok(claim?.kind === 'claimed');
        const grant = { validMs: 900_000, fetch: { username: 'u', password: 'p' }, store: null };
        tell({ v: 1, kind: 'grant', attempt: attemptOf(envelope), nonce: claim.nonce, grant });
        return Promise.resolve();
      };
      return Promise.resolve({ cancel });
    },
    onControl: (_worker, listener) => {
      hear = listener;
      return Promise.resolve({ cancel: () => Promise.resolve() });
    },
    onConnection: () => undefined,
  };
  const started: string[] = [];
  const life = new AbortController();
  const loop = createWorkerLoop({
    ...{ name: 'w', session: 1, queue: queue as Queue, spool: memorySpool(), clock, random: systemRandom },
    offer: { pool: 'default', capabilities: [], slots: 1, hostname: 'h', version: '1' },
    runner: modelRunner(clock, (job) => {
      started.push(job.id);
      return { ms: 1_000, outcome: { kind: 'passed' } };
    }),
    logger: silentLogger,
  });
  const running = loop.run(life.signal);
  context.after(async () => {
    life.abort();
    await running;
  });
  await until(() => said.some(({ kind }) => kind === 'hello'), { what: 'its hello' });
  tell({ v: 1, kind: 'serve', queues: ['jobs.default'] });
  const handle = await until((): DeliveryHandler | null => handler, { what: 'a consumer' });
  const delivery: Delivery = {
    ...{ body: JSON.stringify(envelope), isRedelivered: false, deliveryCount: 1, from: null, death: null },
    publishConfirmed: (_queue, { body }) => keep(body),
  };
  const answer: Answer = await handle(delivery);
  assert.equal(answer, 'ack');
  await until(() => started.length === 1, { what: 'the start, with no second question' });
  assert.ok(!said.some(({ kind }) => kind === 'ask'));
});

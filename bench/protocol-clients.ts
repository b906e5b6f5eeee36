/** Many workers in one process: each speaks docs/protocol.md on a connection of its own, runs nothing, and has finished at once. */
import { hostname } from 'node:os';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { controlMessageSchema, decodeMessage, jobEnvelopeSchema } from '../src/core/message-schema.ts';
import { collectorQueue } from '../src/core/queue-plan.ts';
import type { Holding } from '../src/core/worker-message.ts';
import { openAmqpQueue } from '../src/queue/amqp/amqp-queue.ts';
import type { Answer, Consumer, Delivery, Queue } from '../src/queue/queue.ts';

const { port, vhost, password, names } = JSON.parse(process.argv[2] ?? '') as {
  port: number;
  vhost: string;
  password: string;
  names: readonly string[];
};
const jobs = 'jobs.default';
const atOnce = 20;
let done = 0;
let stopped = 0;

async function openClient(name: string): Promise<Queue> {
  const queue = await openAmqpQueue({
    broker: {
      role: 'worker',
      hosts: [{ host: '127.0.0.1', port }],
      vhost,
      username: name,
      password: () => password,
      tls: null,
      management: null,
    },
    clientName: name,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    heartbeatS: 30,
  });
  let seq = 0;
  const body = (said: object): string => {
    seq += 1;
    return JSON.stringify({ v: 1, worker: name, session: 1, seq, ...said });
  };
  const say = (said: object): Promise<void> => queue.publish(collectorQueue, { body: body(said) });
  const offer = { pool: 'default', capabilities: [], slots: 1, hostname: hostname(), version: 'bench' };
  const held = new Map<string, Holding>();
  const hello = (): Promise<void> => say({ kind: 'hello', offer, holds: [...held.values()] });

  const take = async (consumer: Promise<Consumer>, delivery: Delivery): Promise<Answer> => {
    const envelope = decodeMessage(jobEnvelopeSchema, delivery.body);
    if (envelope === null) return 'reject';
    const holding: Holding = { envelope, nonce: systemRandom.hex(8) };
    await delivery.publishConfirmed(collectorQueue, {
      body: body({ kind: 'claimed', ...holding, isRedelivered: delivery.isRedelivered }),
    });
    await (await consumer).cancel();
    held.set(holding.nonce, holding);
    void finish(holding);
    return 'ack';
  };

  const finish = async (holding: Holding): Promise<void> => {
    const now = Date.now();
    await say({
      kind: 'finished',
      ...holding,
      outcome: { kind: 'passed' },
      startedAt: now,
      endedAt: now,
      testedSha: holding.envelope.job.subject.sha,
      imageDigest: null,
      peakMemoryBytes: null,
      oom: 'no',
    });
    held.delete(holding.nonce);
    done += 1;
    listen();
    await say({ kind: 'sealed', ...holding, logSha256: '0'.repeat(64), logBytes: 0, isTruncated: false });
  };

  function listen(): void {
    const consumer: Promise<Consumer> = queue.consume(jobs, (delivery) => take(consumer, delivery));
    consumer.catch((error: unknown) => {
      process.stderr.write(`${name}: ${String(error)}\n`);
    });
  }

  let isListening = false;
  await queue.onControl(name, ({ body: told }) => {
    const message = decodeMessage(controlMessageSchema, told);
    if (message?.kind === 'cancel') stopped += 1;
    if (message?.kind === 'who-runs') void hello();
    if (message?.kind === 'serve' && !isListening && message.queues.includes(jobs)) {
      isListening = true;
      listen();
    }
  });
  await hello();
  setInterval(() => {
    void hello();
  }, 30_000).unref();
  return queue;
}

const queues: Queue[] = [];
for (let at = 0; at < names.length; at += atOnce) {
  queues.push(...(await Promise.all(names.slice(at, at + atOnce).map(openClient))));
}
process.stdout.write('ready\n');
process.on('SIGUSR2', () => {
  process.stdout.write(`${JSON.stringify({ done, stopped })}\n`);
});
process.once('SIGTERM', () => {
  process.exit(0);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { linesOf } from '../../../test/support/amqp-world.ts';
import { until } from '../../../test/support/until.ts';
import { systemClock } from '../../base/clock.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { systemRandom } from '../../base/random.ts';
import type { AmqpQueueOptions } from './amqp-options.ts';
import { openAmqpQueue } from './amqp-queue.ts';

function optionsFor(port: number): AmqpQueueOptions & { readonly lines: string[] } {
  const { logger, lines } = linesOf();
  const broker = {
    role: 'server' as const,
    vhost: '/',
    username: 'u',
    password: () => 'p',
    tls: null,
    management: null,
  };
  const hosts = [{ host: '127.0.0.1', port }] as const;
  return { broker: { ...broker, hosts }, clientName: 't', clock: systemClock, random: systemRandom, logger, lines };
}

/** A server that does this with each connection. */
async function serve(greet: string | null): Promise<{ port: number; dials: () => number; close: () => void }> {
  let dials = 0;
  const server = createServer((socket) => {
    dials += 1;
    socket.on('error', () => undefined);
    if (greet === null) socket.destroy();
    else socket.end(greet);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, dials: () => dials, close: () => server.close() };
}

test('a broker that is away is dialled again with pauses, until the signal ends it', async (t) => {
  const server = await serve(null);
  t.after(server.close);
  const giveUp = new AbortController();
  const options = optionsFor(server.port);
  const opening = openAmqpQueue({ ...options, signal: giveUp.signal });
  const refused = assert.rejects(opening, (error) => isGroundcrewError(error, 'queue/unreachable'));
  await until(() => server.dials() >= 2);
  giveUp.abort();
  await refused;
  assert.equal(options.lines.length, 1, 'one line for one kind of trouble');
});

test('something that does not speak our AMQP is refused at once', async (t) => {
  const server = await serve('AMQP\u0000\u0001\u0000\u0000');
  t.after(server.close);
  await assert.rejects(openAmqpQueue(optionsFor(server.port)), (error) => isGroundcrewError(error, 'queue/refused'));
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

/** Something that sends back all that it gets, and a proxy before it. */
async function open(context: TestContext): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await openTcpProxy((server.address() as AddressInfo).port);
  context.after(async () => {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}

async function dial(proxy: TcpProxy): Promise<Socket> {
  const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => undefined);
  await once(client, 'connect');
  return client;
}

test('bytes come through in order, whatever the latency does meanwhile, and the end after them', async (context) => {
  const proxy = await open(context);
  const client = await dial(proxy);
  const answer = buffer(client);
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, at) => at % 251));
  proxy.latencyMs = 80;
  client.write(sent.subarray(0, 100_000));
  await until(() => proxy.counts.lateBytes > 0);
  proxy.latencyMs = 0;
  client.write(sent.subarray(100_000, 200_000));
  proxy.hold();
  client.end(sent.subarray(200_000));
  await until(() => proxy.counts.heldBytes > 0);
  proxy.release();
  assert.ok((await answer).equals(sent));
});

test('a cut tells both ends, a black hole none, and the next connection is as good as ever', async (context) => {
  const proxy = await open(context);
  const [first, second] = [await dial(proxy), await dial(proxy)];
  await until(() => proxy.open === 2);
  const closed = new Promise((resolve) => first.once('close', resolve));
  assert.equal(proxy.cut(), 2);
  await closed;
  const third = await dial(proxy);
  await until(() => proxy.open === 1);
  assert.equal(proxy.blackHole(), 1);
  third.write('is anybody there?');
  await until(() => proxy.counts.swallowedBytes === 17);
  const fourth = await dial(proxy);
  fourth.end('hello');
  assert.equal((await buffer(fourth)).toString(), 'hello');
  assert.equal(third.closed, false);
  for (const client of [second, third]) client.destroy();
});

test('a new target gets the new connections', async (context) => {
  const [proxy, other] = [await open(context), await open(context)];
  proxy.retarget(other.port);
  const client = await dial(proxy);
  client.end('hello');
  assert.equal((await buffer(client)).toString(), 'hello');
  assert.equal(other.counts.accepted, 1);
});

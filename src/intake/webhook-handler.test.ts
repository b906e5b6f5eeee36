import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { until } from '../../test/support/until.ts';
import { deliveryId } from '../../test/support/webhook-examples.ts';
import { openWebhookWorld, rawConnection, webhookHead, type WebhookWorld } from '../../test/support/webhook-world.ts';
import { createBodyBudget } from './body-budget.ts';

const push = JSON.stringify({ repository: { full_name: 'octo/demo' }, ref: 'refs/heads/main', after: 'a'.repeat(40) });

async function send(t: TestContext, world: WebhookWorld, bytes: string): Promise<string> {
  const connection = await rawConnection(t, world.port);
  connection.socket.write(bytes);
  await until(() => /^HTTP.*\r\n\r\n.*\n$/s.test(connection.text()), { what: 'an answer' });
  return connection.text();
}

const statusesOf = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status ?? '');

/** A chunk of a chunked body. */
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

test('a delivery is durable when it is answered, with one clear line', async (t) => {
  const world = await openWebhookWorld(t);
  const text = await send(t, world, webhookHead(push) + push);
  assert.match(text, /^HTTP\/1\.1 202 /);
  assert.match(text, /\r\n\r\nstored, trace [0-9a-f]{32}\n$/);
  const [pending, ...others] = await world.ledger.pendingDeliveries(9);
  assert.equal(pending?.id, deliveryId(1));
  assert.equal(text.includes(pending.traceId), true, 'the trace id of the ledger is the one that was told');
  assert.deepEqual(others, []);
  assert.equal(world.news(), 1);
});

test('what is not new, means nothing or cannot be read is acknowledged and known', async (t) => {
  const world = await openWebhookWorld(t);
  const ask = (body: string, given: Parameters<typeof webhookHead>[1]) =>
    send(t, world, webhookHead(body, given) + body);
  await ask(push, {});
  assert.match(await ask(push, {}), /^HTTP\/1\.1 202 .*known already/s);
  assert.match(await ask('{}', { id: deliveryId(2), event: 'ping' }), /^HTTP\/1\.1 200 .*pong\n$/s);
  assert.match(
    await ask('{}', { id: deliveryId(3), event: 'check_run' }),
    /^HTTP\/1\.1 202 .*check_run means nothing/s,
  );
  assert.match(await ask('[]', { id: deliveryId(4) }), /^HTTP\/1\.1 202 .*set aside: push: /s);
  assert.equal((await world.ledger.pendingDeliveries(9)).length, 1);
  assert.equal((await world.ledger.knownDeliveries([1, 2, 3, 4, 5].map(deliveryId))).size, 4);
  assert.equal(world.news(), 1);
});

test('a wrong signature stores nothing, and a wrong method says which is right', async (t) => {
  const world = await openWebhookWorld(t);
  assert.match(await send(t, world, webhookHead(push, { secret: 'guessed' }) + push), /^HTTP\/1\.1 401 .*signature/s);
  for (const method of ['GET', 'HEAD', 'PUT', 'OPTIONS']) {
    const connection = await rawConnection(t, world.port);
    connection.socket.write(`${method} /webhook/github HTTP/1.1\r\nhost: x\r\n\r\n`);
    await connection.closed;
    assert.match(connection.text(), /^HTTP\/1\.1 405 .*\r\nAllow: POST\r\n/is, method);
  }
  assert.deepEqual(await world.ledger.pendingDeliveries(9), []);
});

suite('bodies that are too large', () => {
  test('an announced one is refused before it comes, and its connection closed', async (t) => {
    const world = await openWebhookWorld(t, { limits: { mostBytes: 1000 } });
    const connection = await rawConnection(t, world.port);
    connection.socket.write(webhookHead(push, { length: 1001 }));
    await connection.closed;
    assert.match(connection.text(), /^HTTP\/1\.1 413 .*at most 1000 bytes/s);
  });

  test('one without a length is cut off while it comes, and the answer still arrives', async (t) => {
    const world = await openWebhookWorld(t, { limits: { mostBytes: 100_000 } });
    const connection = await rawConnection(t, world.port);
    connection.socket.write(webhookHead(push, { length: null }));
    const part = chunk('x'.repeat(50_000));
    let sent = 0;
    while (!connection.socket.destroyed && sent < 10_000) {
      sent += 1;
      if (!connection.socket.write(part))
        await until(() => connection.socket.destroyed || !connection.socket.writableNeedDrain);
      if (connection.text() !== '') break;
    }
    await until(() => connection.text().endsWith('bytes\n'));
    assert.match(connection.text(), /^HTTP\/1\.1 413 /);
    await connection.closed;
    assert.equal(world.budget.bytes, 0);
  });

  test('one of exactly the limit is taken, chunked too', async (t) => {
    const body = push.padEnd(1000);
    const world = await openWebhookWorld(t, { limits: { mostBytes: 1000 } });
    assert.match(await send(t, world, webhookHead(body) + body), /^HTTP\/1\.1 202 /);
    const chunks = `${chunk(body.slice(0, 7))}${chunk(body.slice(7))}0\r\n\r\n`;
    const text = await send(t, world, webhookHead(body, { length: null, id: deliveryId(2) }) + chunks);
    assert.match(text, /^HTTP\/1\.1 202 /);
    assert.equal((await world.ledger.pendingDeliveries(9)).length, 2);
  });
});

suite('bodies that do not come', () => {
  test('a connection that says nothing more is cut off', async (t) => {
    const world = await openWebhookWorld(t, { limits: { silenceMs: 50 } });
    const connection = await rawConnection(t, world.port);
    connection.socket.write(webhookHead(push) + push.slice(0, 5));
    await connection.closed;
    assert.match(connection.text(), /^HTTP\/1\.1 408 /);
    assert.deepEqual([world.budget.bodies, world.budget.bytes], [0, 0]);
  });

  test('a body by the drop is cut off at the end of its time, however steady it drops', async (t) => {
    const world = await openWebhookWorld(t, { limits: { silenceMs: 5_000, withinMs: 100 } });
    const connection = await rawConnection(t, world.port);
    connection.socket.write(webhookHead(push));
    const drops = setInterval(() => connection.socket.write(' '), 5);
    t.after(() => {
      clearInterval(drops);
    });
    await connection.closed;
    assert.match(connection.text(), /^HTTP\/1\.1 408 /);
    assert.deepEqual(await world.ledger.pendingDeliveries(9), []);
  });

  test('a sender that goes away in the middle leaves nothing behind', async (t) => {
    const world = await openWebhookWorld(t);
    const connection = await rawConnection(t, world.port);
    connection.socket.write(webhookHead(push) + push.slice(0, 20));
    await until(() => world.budget.bytes === 20);
    connection.socket.destroy();
    await until(() => world.budget.bodies === 0);
    assert.equal(world.budget.bytes, 0);
    assert.deepEqual(world.answers, [0]);
    assert.match(
      await send(t, world, webhookHead(push) + push),
      /^HTTP\/1\.1 202 /,
      'the same delivery is taken later',
    );
  });

  test('one that closes its side after a part is told nothing was stored', async (t) => {
    const world = await openWebhookWorld(t);
    const connection = await rawConnection(t, world.port);
    connection.socket.end(webhookHead(push) + push.slice(0, 20));
    await connection.closed;
    await until(() => world.budget.bodies === 0);
    assert.deepEqual(await world.ledger.pendingDeliveries(9), []);
  });
});

suite('many at once', () => {
  test('bodies that do not come keep nobody out: the one that came least far is sent away', async (t) => {
    const world = await openWebhookWorld(t, { budget: { bodies: 2, bytes: 2 ** 20 } });
    const [silent, slow] = [await rawConnection(t, world.port), await rawConnection(t, world.port)];
    silent.socket.write(webhookHead(push, { id: deliveryId(0) }));
    slow.socket.write(webhookHead(push, { id: deliveryId(1) }) + push.slice(0, 9));
    await until(() => world.budget.bodies === 2 && world.budget.bytes === 9);
    assert.match(await send(t, world, webhookHead(push, { id: deliveryId(9) }) + push), /^HTTP\/1\.1 202 /);
    await until(() => /^HTTP\/1\.1 503 .*\r\nRetry-After: 5\r\n/is.test(silent.text()));
    slow.socket.write(push.slice(9));
    await until(() => slow.text().startsWith('HTTP/1.1 202 '));
    assert.equal((await world.ledger.pendingDeliveries(9)).length, 2);
    assert.equal(world.budget.bodies, 0);
  });

  test('more bytes than may be held are sent away, and those that are held still end well', async (t) => {
    const world = await openWebhookWorld(t, { budget: { bodies: 9, bytes: 1500 } });
    const body = push.padEnd(1000);
    const first = await rawConnection(t, world.port);
    first.socket.write(webhookHead(body) + body.slice(0, 900));
    await until(() => world.budget.bytes === 900);
    assert.match(await send(t, world, webhookHead(body, { id: deliveryId(2) }) + body), /^HTTP\/1\.1 503 /);
    first.socket.write(body.slice(900));
    await until(() => first.text().startsWith('HTTP/1.1 202 '));
    assert.equal(world.budget.bytes, 0);
  });

  test('the same delivery twice at once on two connections is one', async (t) => {
    const world = await openWebhookWorld(t);
    const both = await Promise.all([rawConnection(t, world.port), rawConnection(t, world.port)]);
    for (const { socket } of both) socket.write(webhookHead(push) + push.slice(0, -1));
    await until(() => world.budget.bodies === 2);
    for (const { socket } of both) socket.write(push.slice(-1));
    await until(() => both.every(({ text }) => text().endsWith('\n')));
    const lines = both.map(({ text }) => text().trim().split('\n').at(-1) ?? '').sort();
    assert.equal(lines[0], 'known already; nothing changes');
    assert.match(lines[1] ?? '', /^stored/);
    assert.deepEqual([(await world.ledger.pendingDeliveries(9)).length, world.news()], [1, 1]);
  });

  test('pipelined requests are answered in their order, one record each', async (t) => {
    const world = await openWebhookWorld(t);
    const requests = [1, 2, 2, 3].map((n) => webhookHead(push, { id: deliveryId(n) }) + push).join('');
    const connection = await rawConnection(t, world.port);
    connection.socket.write(requests);
    await until(() => statusesOf(connection.text()).length === 4);
    assert.deepEqual(statusesOf(connection.text()), ['202', '202', '202', '202']);
    assert.deepEqual(
      (await world.ledger.pendingDeliveries(9)).map(({ id }) => id),
      [1, 2, 3].map(deliveryId),
    );
    assert.match(connection.text(), /stored.*stored.*known already.*stored/s);
  });

  test('many deliveries share few commits', async (t) => {
    const world = await openWebhookWorld(t);
    const all = await Promise.all(Array.from({ length: 16 }, () => rawConnection(t, world.port)));
    for (const [at, { socket }] of all.entries())
      socket.write(webhookHead(push, { id: deliveryId(at) }) + push.slice(0, -1));
    await until(() => world.budget.bodies === 16);
    const before = world.database.commits;
    for (const { socket } of all) socket.write(push.slice(-1));
    await until(() => all.every(({ text }) => text().includes(' 202 ')));
    assert.ok(world.database.commits - before <= 8, String(world.database.commits - before));
    assert.equal((await world.ledger.pendingDeliveries(99)).length, 16);
  });
});

test('a ledger that cannot store is no 2xx, and the next try is as good as the first', async (t) => {
  let isFull = true;
  const world = await openWebhookWorld(t, {
    wrap: (ledger) => ({
      ...ledger,
      recordDeliveries: async (deliveries) => {
        if (isFull) throw new Error('database or disk is full');
        return ledger.recordDeliveries(deliveries);
      },
    }),
  });
  const text = await send(t, world, webhookHead(push) + push);
  assert.match(text, /^HTTP\/1\.1 503 .*\r\nRetry-After: 30\r\n/is);
  assert.doesNotMatch(text, /disk/, 'what is wrong inside is for our log');
  isFull = false;
  assert.match(await send(t, world, webhookHead(push) + push), /^HTTP\/1\.1 202 .*stored/s);
});

test('a place in the budget gives back what it took, once', () => {
  const budget = createBodyBudget({ bodies: 1, bytes: 10 });
  const place = budget.enter(() => assert.fail('a whole body keeps its place'));
  place?.finish();
  assert.equal(
    budget.enter(() => undefined),
    null,
  );
  assert.deepEqual([place?.take(6), place?.take(6), budget.bytes], [true, false, 6]);
  place?.leave();
  place?.leave();
  assert.deepEqual([budget.bodies, budget.bytes, place?.take(1)], [0, 0, false]);
});

test('when all places are taken, the body that has come least far gives up its own', () => {
  const budget = createBodyBudget({ bodies: 3, bytes: 100 });
  const evicted: string[] = [];
  const enter = (name: string, sizeBytes: number): void => {
    budget.enter(() => evicted.push(name))?.take(sizeBytes);
  };
  enter('most', 50);
  enter('silent', 0);
  enter('younger', 0);
  enter('next', 10);
  assert.deepEqual([evicted, budget.bodies, budget.bytes], [['silent'], 3, 60]);
  enter('last', 20);
  enter('one more', 1);
  assert.deepEqual([evicted, budget.bytes], [['silent', 'younger', 'next'], 71]);
});

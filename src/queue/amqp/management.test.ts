import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { isGroundcrewError } from '../../base/errors.ts';
import type { AmqpManagement } from './amqp-options.ts';
import { managementCounts } from './management.ts';

const noCounts = (error: unknown): boolean => isGroundcrewError(error, 'queue/no-counts');

/** An API that answers everything so, and keeps what it was asked. */
async function openApi(
  t: TestContext,
  answer: { readonly status: number; readonly body: string },
): Promise<{ api: AmqpManagement; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    response.writeHead(answer.status).end(answer.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { api: { url: `http://127.0.0.1:${port}/`, username: 'u', password: () => 'p' }, asked };
}

test('one queue is asked for by its exact name', async (t) => {
  const body = JSON.stringify({ items: [{ name: 'jobs.x+kvm', messages_ready: 3, messages_unacknowledged: 2 }] });
  const { api, asked } = await openApi(t, { status: 200, body });
  assert.deepEqual(await managementCounts(api, '/', 'jobs.x+kvm'), { ready: 3, unacked: 2 });
  const url = new URL(asked[0]?.url ?? '', 'http://x');
  assert.equal(url.pathname, '/api/queues/%2F');
  assert.equal(url.searchParams.get('name'), '^jobs\\.x\\+kvm$');
  assert.equal(asked[0]?.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`);
});

test('a queue that the API does not know yet counts nothing', async (t) => {
  const { api } = await openApi(t, { status: 200, body: '{"items":[]}' });
  assert.deepEqual(await managementCounts(api, 'v', 'a'), { ready: 0, unacked: 0 });
});

for (const [what, answer] of Object.entries({
  'refuses us': { status: 401, body: '{"error":"not_authorised"}' },
  'answers nonsense': { status: 200, body: '<html>' },
  'answers another shape': { status: 200, body: '[]' },
  'answers without end': { status: 200, body: ' '.repeat(300_000) },
})) {
  test(`an API that ${what} gives no counts`, async (t) => {
    const { api } = await openApi(t, answer);
    await assert.rejects(managementCounts(api, 'v', 'a'), noCounts);
  });
}

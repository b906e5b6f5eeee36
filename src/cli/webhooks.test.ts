import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { deliveryId, webhookHeaders } from '../../test/support/webhook-examples.ts';
import { aWebhookReader } from '../../test/support/webhook-reader.ts';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { systemRandom } from '../base/random.ts';
import { openDatabase } from '../base/sqlite.ts';
import { openSqliteLedger } from '../ledger/sqlite/open-ledger.ts';
import { createMetrics } from '../metrics/catalog.ts';
import { createWebApp } from '../web/app.ts';
import { startWebServer } from '../web/server.ts';
import { createWebhooks, webhookPath } from './webhooks.ts';

test('each forge has its address beside the pages, and its answers are counted', async (t) => {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const metrics = createMetrics('1');
  let news = 0;
  const { handlers } = createWebhooks({
    readers: [aWebhookReader(), aWebhookReader({ forge: 'other', secrets: () => ['its own'] })],
    forges: new Map(),
    ledger,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics,
    onNew: () => {
      news += 1;
    },
  });
  const server = await startWebServer(createWebApp(createFakeWorld().deps), { host: '127.0.0.1', port: 0 }, handlers);
  t.after(() => server.close());
  const body = JSON.stringify({
    repository: { full_name: 'octo/demo' },
    ref: 'refs/heads/main',
    after: 'a'.repeat(40),
  });
  const send = async (forge: string, secret: string, n: number): Promise<number> => {
    const headers = webhookHeaders(body, { secret, id: deliveryId(n) });
    return (await fetch(server.address + webhookPath(forge), { method: 'POST', headers, body })).status;
  };
  assert.equal(await send('github', 'first secret', 1), 202);
  assert.equal(await send('other', 'first secret', 2), 401, 'a secret counts for its own forge only');
  assert.equal(await send('other', 'its own', 2), 202);
  assert.equal(await send('nobody', 'first secret', 3), 404);
  assert.deepEqual(
    (await ledger.pendingDeliveries(9)).map(({ event }) => event.forge),
    ['github', 'other'],
  );
  assert.equal(news, 2);
  const counts = {
    waiting: 0,
    offered: 0,
    running: 0,
    ended: 0,
    deliveries: 0,
    deliveriesPending: 0,
    deliveriesParked: 0,
    reportsDue: 0,
    reportsRefused: 0,
    messagesParked: 0,
    messagesDropped: 0,
    grantObstacles: 0,
  };
  const text = await metrics.expose(counts, { bySource: [], missed: [], oldestPendingMs: 0 });
  for (const line of [
    'forge="github",status="202"} 1',
    'forge="other",status="401"} 1',
    'forge="other",status="202"} 1',
  ])
    assert.ok(text.includes(`groundcrew_webhook_answers_total{${line}\n`), line);
});

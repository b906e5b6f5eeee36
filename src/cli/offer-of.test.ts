import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import type { WorkerSettings } from '../config/settings.ts';
import { offerOf, slotsOf } from './offer-of.ts';

const GiB = 2 ** 30;

test('slots follow from CPUs and memory, whichever are fewer, and are at least one', () => {
  const auto = { slots: null };
  assert.equal(slotsOf(auto, { cpus: 16, memoryBytes: 64 * GiB }), 8);
  assert.equal(slotsOf(auto, { cpus: 16, memoryBytes: 7 * GiB }), 3);
  assert.equal(slotsOf(auto, { cpus: 1, memoryBytes: GiB }), 1);
  assert.equal(slotsOf({ slots: 5 }, { cpus: 1, memoryBytes: GiB }), 5);
});

test('a worker offers its processor, its labels, and the hosts that take its connection', async (context) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const settings = { slots: 1, pool: 'night', labels: ['big'], reach: [`localhost:${port}`, '127.0.0.1:1'] };
  const offer = await offerOf(settings as unknown as WorkerSettings, '1.2.3');
  assert.ok(offer.capabilities.includes('big'));
  assert.ok(offer.capabilities.includes('reach:localhost'));
  assert.ok(!offer.capabilities.includes('reach:127.0.0.1'), 'nobody listens there');
  assert.ok(offer.capabilities.some((one) => /^arch:(amd64|arm64|[a-z0-9]+)$/.test(one)));
  assert.ok((offer.cpus ?? 0) >= 1 && (offer.memoryBytes ?? 0) > 0);
  assert.deepEqual([offer.pool, offer.slots, offer.version], ['night', 1, '1.2.3']);
});

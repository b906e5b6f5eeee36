import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { silentLogger } from '../base/logger.ts';
import type { WatchedAttempt } from '../web/web-deps.ts';
import { createLogFollowing } from './log-following.ts';

const attempt = { worker: 'w1', nonce: 'abcdef0123456789', jobId: 'j' as WatchedAttempt['jobId'], generation: 1, n: 2 };

function open() {
  const clock = createHandClock();
  const said: { worker: string; body: unknown }[] = [];
  const sendControl = (worker: string, { body }: { readonly body: string }): Promise<void> => {
    said.push({ worker, body: JSON.parse(body) as unknown });
    return Promise.resolve();
  };
  return { clock, said, following: createLogFollowing({ queue: { sendControl }, clock, logger: silentLogger }) };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a worker is told while somebody watches, however many do, and not after', async () => {
  const { clock, said, following } = open();
  const leave = [following.watch(attempt), following.watch(attempt)];
  await settled();
  assert.deepEqual(said, [
    {
      worker: 'w1',
      body: {
        v: 1,
        kind: 'watch',
        attempt: { jobId: 'j', generation: 1, n: 2 },
        nonce: 'abcdef0123456789',
        forMs: 60_000,
      },
    },
  ]);
  clock.pass(20_000);
  await settled();
  assert.equal(said.length, 2);
  leave[0]?.();
  leave[0]?.();
  clock.pass(20_000);
  await settled();
  assert.equal(said.length, 3);
  leave[1]?.();
  clock.pass(60_000);
  await settled();
  assert.equal(said.length, 3);
  // Somebody new begins anew.
  following.watch(attempt)();
  await settled();
  assert.equal(said.length, 4);
});

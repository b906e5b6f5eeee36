import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { GroundcrewError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { createDirectoryStore } from './directory/directory-store.ts';
import { createMirrorFilling } from './mirror-filling.ts';
import type { ObjectStore } from './object-store.ts';

const go = new AbortController().signal;

async function openWorld(context: CleansUp) {
  const dir = await tempDir(context);
  const open = (name: string): Promise<ObjectStore> =>
    createDirectoryStore({ root: join(dir, name), clock: systemClock });
  const [primary, inner] = [await open('a'), await open('b')];
  const state = { isAway: false };
  const mirror: ObjectStore = {
    put: (...args) => inner.put(...args),
    putIfAbsent: (...args) => inner.putIfAbsent(...args),
    get: (...args) => inner.get(...args),
    async *list(prefix) {
      if (state.isAway) throw new GroundcrewError('storage/unavailable', 'away', { retry: 'later' });
      yield* inner.list(prefix);
    },
    delete: (key) => inner.delete(key),
    address: (...args) => inner.address(...args),
  };
  const said: string[] = [];
  const note = (message: string): void => void said.push(message);
  const logger: Logger = { debug: note, info: note, warn: note, error: note, with: () => logger };
  const clock = createHandClock();
  const filling = createMirrorFilling({
    primary,
    mirrors: [{ name: 'store.mirrors[0]', store: mirror }],
    isTransient: (key) => key.endsWith('.tmp'),
    clock,
    logger,
    scratchDir: dir,
  });
  const states: boolean[] = [];
  filling.onState((_, isOk) => void states.push(isOk));
  const put = (key: string): Promise<void> =>
    primary.put(key, { bytes: Buffer.from(key) }, { contentType: 'text/plain', visibility: 'public' });
  const copied = async (): Promise<string[]> => {
    const keys: string[] = [];
    for await (const { key } of inner.list('')) keys.push(key);
    return keys;
  };
  return { filling, put, copied, said, states, state, clock };
}

test('a mirror gets what is below the prefix, and not what is transient', async (context) => {
  const { filling, put, copied } = await openWorld(context);
  for (const key of ['a/1/log', 'a/1/x.tmp', 'a/10/log']) await put(key);
  await filling.fill('a/1', go);
  assert.deepEqual(await copied(), ['a/1/log']);
});

test('a mirror that fails is said once, left alone for a while, and gets all that it missed', async (context) => {
  const { filling, put, copied, said, states, state, clock } = await openWorld(context);
  state.isAway = true;
  await put('a/1/log');
  await filling.fill('a/1', go);
  await put('a/2/log');
  await filling.fill('a/2', go);
  clock.pass(300_000);
  await filling.fill('a/2', go);
  assert.deepEqual([said.length, states], [1, [true, false]]);
  state.isAway = false;
  clock.pass(300_000);
  await put('a/3/log');
  await filling.fill('a/3', go);
  assert.deepEqual(await copied(), ['a/1/log', 'a/2/log', 'a/3/log']);
  assert.deepEqual(states, [true, false, true]);
});

test('what a reader finds out of a mirror counts as well', async (context) => {
  const { filling, put, copied, states, clock } = await openWorld(context);
  filling.failed('store.mirrors[0]', new Error('broken'));
  await put('a/1/log');
  assert.equal(await filling.fillAll(go), 0);
  clock.pass(300_000);
  assert.equal(await filling.fillAll(go), 1);
  assert.deepEqual([await copied(), states], [['a/1/log'], [true, false, true]]);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { byteStream } from './byte-stream.ts';

test('a reader that leaves while nothing comes is no trouble', async () => {
  const abort = new AbortController();
  const troubles: string[] = [];
  const asked = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  const silent = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('first');
    asked.resolve(undefined);
    await once(abort.signal, 'abort');
    ended.resolve(undefined);
  };
  const stream = byteStream(silent(), {
    clock: systemClock,
    stallMs: 60_000,
    abort,
    drop: (why) => troubles.push(why),
  });
  const reader = stream.getReader();
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'first');
  const waiting = reader.read();
  await asked.promise;
  await reader.cancel();
  assert.equal((await waiting).done, true);
  await ended.promise;
  await new Promise(setImmediate);
  assert.deepEqual(troubles, []);
});

test('a source that fails cuts the connection', async () => {
  const abort = new AbortController();
  const troubles: string[] = [];
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    throw new Error('gone');
  };
  const stream = byteStream(failing(), {
    clock: systemClock,
    stallMs: 60_000,
    abort,
    drop: (why) => troubles.push(why),
  });
  assert.equal((await stream.getReader().read()).done, true);
  assert.deepEqual(troubles, ['gone']);
});

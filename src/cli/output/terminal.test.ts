import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { systemClock, type Clock } from '../../base/clock.ts';
import { createProgress } from './progress.ts';
import { createTerminal, wantsColour } from './terminal.ts';

for (const [env, isTty, isWanted] of [
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
  [{ TERM: 'dumb' }, true, false],
] as const) {
  test(`${JSON.stringify(env)} ${isTty ? 'on a terminal' : 'in a pipe'}: ${isWanted ? 'colour' : 'no colour'}`, () => {
    assert.equal(wantsColour(env, isTty), isWanted);
  });
}

test('writing waits for a slow reader', async () => {
  const stream = new PassThrough({ highWaterMark: 4 });
  let isDone = false;
  const writing = createTerminal(stream, {})
    .write('longer than four')
    .then(() => {
      isDone = true;
    });
  await new Promise(setImmediate);
  assert.equal(isDone, false);
  stream.resume();
  await writing;
});

test('progress shows on a terminal only, only after a second, and leaves nothing behind', () => {
  let fire = (): void => undefined;
  const clock: Clock = {
    ...systemClock,
    after: (_delayMs, due) => {
      fire = due;
      return { cancel: () => undefined };
    },
  };
  const stream = Object.assign(new PassThrough(), { isTTY: true as const, columns: 40 });
  const progress = createProgress(createTerminal(stream, {}), clock);
  progress.say('fetching');
  assert.equal(stream.read(), null);
  fire();
  progress.say('fetching \u001b[2J more');
  progress.end();
  progress.end();
  assert.equal(String(stream.read()), '\r\u001b[2Kfetching\r\u001b[2Kfetching \ufffd[2J more\r\u001b[2K');
  const pipe = new PassThrough();
  createProgress(createTerminal(pipe, {}), clock).say('x');
  assert.equal(pipe.read(), null);
});

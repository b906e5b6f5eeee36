import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSharing } from './sharing.ts';

interface Work {
  readonly start: (signal: AbortSignal) => Promise<string>;
  readonly end: (text: string) => void;
  readonly signals: AbortSignal[];
}

function makeWork(): Work {
  const signals: AbortSignal[] = [];
  let end: (text: string) => void = () => undefined;
  const start = (signal: AbortSignal): Promise<string> => {
    signals.push(signal);
    return new Promise((resolve) => {
      end = resolve;
    });
  };
  return { start, end: (text) => end(text), signals };
}

test('equal work is done once; when it is over, the next asks anew', async () => {
  const sharing = createSharing<string>();
  const work = makeWork();
  let shared = 0;
  const join = (signal: AbortSignal): Promise<string> =>
    sharing.join('key', signal, { start: work.start, onShared: () => (shared += 1) });
  const both = Promise.all([join(new AbortController().signal), join(new AbortController().signal)]);
  work.end('a');
  assert.deepEqual(await both, ['a', 'a']);
  assert.equal(work.signals.length, 1);
  assert.equal(shared, 1);
  const third = join(new AbortController().signal);
  work.end('b');
  assert.equal(await third, 'b');
});

test('who leaves does not stop the others; the last one does', async () => {
  const sharing = createSharing<string>();
  const work = makeWork();
  const [one, two] = [new AbortController(), new AbortController()];
  const asked = [one, two].map(({ signal }) =>
    sharing.join('key', signal, { start: work.start, onShared: () => undefined }),
  );
  one.abort();
  await assert.rejects(asked[0] ?? assert.fail());
  assert.equal(work.signals[0]?.aborted, false);
  two.abort();
  await assert.rejects(asked[1] ?? assert.fail());
  assert.equal(work.signals[0]?.aborted, true);
  const again = sharing.join('key', new AbortController().signal, { start: work.start, onShared: () => undefined });
  assert.equal(work.signals.length, 2, 'nobody joins what was given up');
  work.end('c');
  assert.equal(await again, 'c');
});

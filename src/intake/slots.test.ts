import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlots, type SlotLimits } from './slots.ts';

/** Works that end when they are told to; `started` names them in order. */
function works(limits: SlotLimits) {
  const slots = createSlots(limits);
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  let most = 0;
  let ended = 0;
  return {
    started,
    most: () => most,
    ask: (name: string, group: string, isPatient = false): Promise<void> =>
      slots.take({ group, isPatient }, () => {
        started.push(name);
        most = Math.max(most, started.length - ended);
        return new Promise((resolve) => ends.set(name, resolve));
      }),
    end: async (name: string): Promise<void> => {
      ended += 1;
      ends.get(name)?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('no more than so many are under way, and what ends makes room', async () => {
  const { ask, end, started, most } = works({ most: 2, mostOfGroup: 2, mostPatient: 2 });
  for (const name of ['a', 'b', 'c', 'd']) void ask(name, 'one');
  assert.deepEqual(started, ['a', 'b']);
  await end('b');
  assert.deepEqual(started, ['a', 'b', 'c']);
  await end('a');
  await end('c');
  assert.deepEqual(started, ['a', 'b', 'c', 'd']);
  assert.equal(most(), 2);
});

test('a repository with a thousand places, or one that never answers, holds up no other', async () => {
  const { ask, end, started } = works({ most: 4, mostOfGroup: 3, mostPatient: 4 });
  for (let i = 0; i < 1_000; i += 1) void ask(`big ${String(i)}`, 'big');
  void ask('small', 'small');
  assert.deepEqual(started, ['big 0', 'big 1', 'big 2', 'small']);
  void ask('other', 'other');
  void ask('small again', 'small');
  await end('small');
  assert.equal(
    started.at(-1),
    'other',
    'the group with fewest under way is next, and of those the one served longest ago',
  );
  await end('other');
  assert.equal(started.at(-1), 'small again');
});

test('what is urgent goes first, and what is patient never takes all', async () => {
  const { ask, end, started } = works({ most: 3, mostOfGroup: 3, mostPatient: 2 });
  for (const name of ['scan 1', 'scan 2', 'scan 3']) void ask(name, 'one', true);
  assert.deepEqual(started, ['scan 1', 'scan 2']);
  void ask('event 1', 'one');
  void ask('event 2', 'one');
  assert.equal(started.at(-1), 'event 1');
  await end('scan 1');
  assert.equal(started.at(-1), 'event 2');
});

test('a work that fails gives its slot back and tells its caller', async () => {
  const slots = createSlots({ most: 1, mostOfGroup: 1, mostPatient: 1 });
  const ask = { group: 'one', isPatient: false };
  await assert.rejects(
    slots.take(ask, () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  assert.equal(await slots.take(ask, async () => 'fine'), 'fine');
});

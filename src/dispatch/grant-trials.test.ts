import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { createGrantTrials } from './grant-trials.ts';

function openTrials() {
  const clock = createHandClock();
  const asked: string[] = [];
  const turns: string[] = [];
  const failing = new Set<string>();
  const trials = createGrantTrials({
    trial: (key) => {
      asked.push(key);
      return failing.has(key) ? Promise.reject(new Error(`no ${key}`)) : Promise.resolve();
    },
    freshMs: 60_000,
    clock,
    onTurn: (key, why) => turns.push(`${key}: ${why ?? 'ok'}`),
  });
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };
  return { clock, asked, turns, failing, trials, settled };
}

test('nothing leaves for what was never tried; the first answer of the thing lets it go, and says so', async () => {
  const { trials, asked, turns, settled } = openTrials();
  assert.equal(trials.canGive('a'), false);
  assert.equal(trials.canGive('a'), false);
  await settled();
  assert.deepEqual([asked, turns], [['a'], ['a: ok']]);
  assert.equal(trials.canGive('a'), true);
  assert.deepEqual(trials.failing(), []);
});

test('what works is tried again behind the backs of those who use it, and not believed for ever', async () => {
  const { trials, asked, failing, clock, settled } = openTrials();
  trials.canGive('a');
  await settled();
  clock.pass(59_000);
  assert.equal(trials.canGive('a'), true);
  assert.equal(asked.length, 1);
  failing.add('a');
  clock.pass(1_000);
  assert.equal(trials.canGive('a'), true, 'it was good a minute ago');
  await settled();
  assert.equal(trials.canGive('a'), false);
  failing.clear();
  trials.canGive('b');
  await settled();
  clock.pass(120_000);
  assert.equal(trials.canGive('b'), false, 'nobody knows');
});

test('what fails is tried after pauses that grow to half a minute, alone, and told once', async () => {
  const { trials, asked, turns, failing, clock, settled } = openTrials();
  failing.add('a');
  const at: number[] = [];
  for (let second = 0; second < 160; second += 1) {
    const before = asked.length;
    assert.equal(trials.canGive('a'), false);
    if (asked.length > before) at.push(second);
    await settled();
    clock.pass(1_000);
  }
  assert.deepEqual(at, [0, 2, 6, 14, 30, 60, 90, 120, 150]);
  assert.deepEqual(turns, ['a: no a']);
  assert.deepEqual(trials.failing(), [{ key: 'a', why: 'no a' }]);
  trials.canGive('b');
  await settled();
  assert.equal(trials.canGive('b'), true, 'each by itself');
});

test('what happened in earnest counts as a trial', async () => {
  const { trials, asked, clock, settled } = openTrials();
  trials.canGive('a');
  await settled();
  trials.ended('a', new Error('502'));
  assert.equal(trials.canGive('a'), false);
  assert.deepEqual(trials.failing(), [{ key: 'a', why: '502' }]);
  trials.ended('a', null);
  assert.equal(trials.canGive('a'), true);
  clock.pass(59_000);
  trials.canGive('a');
  assert.equal(asked.length, 1);
});

test('what nobody waits for any more is forgotten, and is nobody’s obstacle', async () => {
  const { trials, failing, clock, settled } = openTrials();
  failing.add('a');
  trials.canGive('a');
  await settled();
  clock.pass(119_000);
  assert.equal(trials.failing().length, 1);
  clock.pass(1_000);
  assert.deepEqual(trials.failing(), []);
});

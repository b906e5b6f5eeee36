import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest, nearestFew } from './nearest.ts';

const keys = ['branches', 'trustPulls', 'integration', 'poll', 'checks', 'name', 'path', 'url'];

for (const [typed, meant] of [
  ['bransh', 'branches'],
  ['brnaches', 'branches'],
  ['trustpulls', 'trustPulls'],
  ['trust_pulls', 'trustPulls'],
  ['chekcs', 'checks'],
  ['check', 'checks'],
  ['nmae', 'name'],
] as const) {
  test(`${typed} was meant to be ${meant}`, () => {
    assert.equal(nearest(typed, keys), meant);
  });
}

test('what resembles nothing gets no suggestion', () => {
  assert.equal(nearest('colour', keys), null);
  assert.equal(nearest('', keys), null);
});

test('a key of ten thousand letters is not compared', () => {
  assert.equal(nearest('branches'.repeat(1250), keys), null);
});

test('several that are near come nearest first', () => {
  const contexts = ['fedora-44/storage', 'fedora-43/storage', 'fedora-44/networking', 'unit'];
  assert.deepEqual(nearestFew('fedora-44/storge', contexts, 2), ['fedora-44/storage', 'fedora-43/storage']);
  assert.deepEqual(nearestFew('fedora', contexts, 9), [
    'fedora-44/storage',
    'fedora-43/storage',
    'fedora-44/networking',
  ]);
  assert.deepEqual(nearestFew('zzz', contexts, 9), []);
});

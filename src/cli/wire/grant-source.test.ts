import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/support/until.ts';
import type { StoreGrants } from '../../storage/object-store.ts';
import { grantSource } from './grant-source.ts';

test('a store that is away at the start holds back what needs it, and nothing else, until it answers once', async () => {
  let isAway = true;
  const store: StoreGrants = {
    isGranting: true,
    grantBelow: (prefix, validMs) =>
      isAway
        ? Promise.reject(new Error('nobody there'))
        : Promise.resolve({ grant: { kind: 'http', url: `http://store/${prefix}/`, token: null }, validMs }),
  };
  const said: string[] = [];
  const note = (message: string): void => void said.push(message);
  const source = grantSource(new Map(), store, { warn: note, info: note });
  const canGive = (): boolean => source.canGive?.(['fetch', 'store']) ?? true;
  await until(() => said.length === 1, { what: 'the first trial' });
  for (let look = 0; look < 5; look += 1) {
    assert.equal(canGive(), false);
    await new Promise(setImmediate);
  }
  assert.equal(source.canGive?.(['fetch']), true);
  isAway = false;
  await until(canGive, { what: 'the store' });
  isAway = true;
  assert.equal(canGive(), true, 'it signs without asking');
  assert.deepEqual(
    said.map((line) => line.slice(0, 18)),
    ['the store is away,', 'the store answers;'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdingOf } from '../../test/support/holding.ts';
import type { Holder } from '../ledger/ledger.ts';
import { mayTellEnd } from './may-tell-end.ts';

const { envelope } = holdingOf();
const nonce = '0123456789abcdef';
const theirs: Holder = { nonce: 'fedcba9876543210', worker: 'other', isLive: false, isSealed: true };

const may = (...holders: readonly Holder[]): Promise<boolean> =>
  mayTellEnd({ holders: () => Promise.resolve(holders) }, { worker: 'w', nonce, envelope });

test('a holding’s end is told by its own worker', async () => {
  const mine: Holder = { ...theirs, nonce, worker: 'w' };
  assert.equal(await may(theirs, mine), true);
  assert.equal(await may({ ...mine, isLive: true }), true);
  assert.equal(await may({ ...mine, worker: 'other' }), false, 'its nonce lies in the store for everybody');
  assert.equal(await may({ ...mine, worker: 'record' }), true, 'read back before its worker came');
});

test('an order that was read in the store gives no say over an attempt that somebody else ended', async () => {
  assert.equal(await may(theirs), false);
});

test('a claim that was lost does not make the result worthless', async () => {
  assert.equal(await may(), true, 'a ledger, or a broker, that began anew');
  assert.equal(await may({ ...theirs, isLive: true }), true, 'the order was run twice: the first verdict counts (R4)');
  assert.equal(await may({ ...theirs, worker: 'w' }), true, 'it had a copy of the same order');
  assert.equal(await may({ ...theirs, worker: 'record' }), true, 'read back from the store');
});

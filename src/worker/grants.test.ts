import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createHandClock, type HandClock } from '../../test/support/hand-clock.ts';
import { holdingOf } from '../../test/support/holding.ts';
import type { Grant, GrantKind } from '../core/grant.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import { createGrantKeeper, type GrantKeeper } from './grants.ts';

const grant: Grant = {
  validMs: 900_000,
  fetch: { username: 'u', password: 'p' },
  store: { kind: 'http', url: 'https://store/', token: null },
};

/** A keeper for an order with both kinds; `asked` is what it asked for, each with `again` where the token was refused. */
function openKeeper(context: TestContext): {
  readonly keeper: GrantKeeper;
  readonly clock: HandClock;
  readonly asked: string[];
} {
  const { signature: _nobodys, ...order } = holdingOf().envelope;
  const envelope = signEnvelope({ ...order, grants: ['fetch', 'store'] }, 'key');
  const asked: string[] = [];
  const ask = (wants: readonly GrantKind[], isFetchRefused: boolean): void => {
    asked.push([...wants, ...(isFetchRefused ? ['again'] : [])].join(' '));
  };
  const clock = createHandClock();
  const life = new AbortController();
  context.after(() => {
    life.abort();
  });
  return { keeper: createGrantKeeper({ envelope, isResumed: false, ask, clock, life: life.signal }), clock, asked };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

test('a token that is refused is asked for again, with all that went with it, until another one is there', async (context) => {
  const { keeper, clock, asked } = openKeeper(context);
  keeper.take(grant);
  keeper.refuse(grant, 'fetch');
  assert.equal(keeper.now(), null);
  clock.pass(15_000);
  await turns();
  assert.deepEqual(asked, ['fetch store again', 'fetch store again']);
  const other = { ...grant };
  keeper.take(other);
  assert.equal(keeper.now(), other);
  keeper.refuse(other);
  assert.deepEqual(asked.slice(2), ['store'], 'a refused form is no reason for a token');
});

test('who does not wait for another token any more asks for the store alone', async (context) => {
  const { keeper, clock, asked } = openKeeper(context);
  keeper.take(grant);
  keeper.refuse(grant, 'fetch');
  keeper.forgoFetch();
  clock.pass(15_000);
  await turns();
  assert.deepEqual(asked, ['fetch store again', 'store']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { holdingOf } from '../../test/support/holding.ts';
import { until } from '../../test/support/until.ts';
import { createLogger } from '../base/logger.ts';
import type { GrantKind } from '../core/grant.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import type { ControlMessage, Holding } from '../core/worker-message.ts';
import type { Holder } from '../ledger/ledger.ts';
import { createGranting, type Asking, type GrantSource } from './give-grants.ts';

const nonce = '0123456789abcdef';
const store = { kind: 'http', url: 'https://store/', token: 't' } as const;
const fetch = { username: 'u', password: 'p' };
const mine: Holder = { nonce, worker: 'w', isLive: true, isSealed: false };

function holding(grants: readonly GrantKind[]): Holding {
  const { signature: _nobodys, ...order } = holdingOf().envelope;
  return { envelope: signEnvelope({ ...order, grants }, 'key'), nonce };
}

/** What is told to whom when `w` asks, and how often the forge and the store were asked. */
async function given(
  grants: readonly GrantKind[],
  holders: readonly Holder[],
  source: Partial<GrantSource> = {},
  wants: readonly GrantKind[] = grants,
  asking: Pick<Asking, 'takesForms'> = {},
): Promise<{ readonly told: readonly ControlMessage[]; readonly asked: readonly string[]; readonly log: string }> {
  const told: ControlMessage[] = [];
  const asked: string[] = [];
  const lines: string[] = [];
  let looked = 0;
  const granting = createGranting({
    source: {
      kindsFor: () => grants,
      fetchGrant: ({ repo }) => Promise.resolve((asked.push(`fetch ${repo}`), fetch)),
      storeGrant: (prefix, validMs) => Promise.resolve((asked.push(`store ${prefix}`), { grant: store, validMs })),
      ...source,
    },
    ledger: { holders: () => Promise.resolve((looked++, holders)) },
    queue: {
      sendControl: (to, { body }) => {
        assert.equal(to, 'w');
        told.push(JSON.parse(body) as ControlMessage);
        return Promise.resolve();
      },
    },
    clock: createHandClock(),
    logger: createLogger({ level: 'debug', isTerminal: false, hasColour: false, write: (line) => lines.push(line) }),
  });
  granting.give('w', { ...holding(grants), wants, ...asking });
  if (grants.length > 0) await until(() => looked === 1, { what: 'the look at the holders' });
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  return { told, asked, log: lines.join('') };
}

test('who owns an attempt gets what its order asks for, and nothing else', async () => {
  const { told, asked } = await given(['fetch', 'store'], [mine]);
  assert.deepEqual(
    told.map((one) => one.kind === 'grant' && one.grant),
    [
      // However long the job: what is longer is asked for again.
      { validMs: 4 * 3_600_000, fetch, store },
    ],
  );
  assert.match(asked.join(), /^fetch a,store a\/main-c{8}-test-[0-9a-f]{16}\/1\.1-01234567$/);
  assert.deepEqual((await given(['fetch'], [mine])).asked, ['fetch a']);
  assert.deepEqual((await given([], [mine])).told, []);
});

test('what has ended may still write its log, sealed or not, and fetches no more', async () => {
  const over = [{ ...mine, isLive: false }];
  assert.deepEqual((await given(['fetch', 'store'], over)).told, [], 'nothing may begin that nobody waits for');
  const { told } = await given(['fetch', 'store'], over, {}, ['store']);
  const [one] = told;
  assert.ok(one?.kind === 'grant');
  assert.deepEqual([one.grant.fetch, one.grant.store], [null, store]);
  // Whoever died between the seal and the cleaning seals again.
  assert.equal((await given(['store'], [{ ...mine, isLive: false, isSealed: true }])).told.length, 1);
});

test('an attempt of an earlier ledger, which this one does not know, may bring its log', async () => {
  assert.equal((await given(['store'], [])).told.length, 1);
});

test('R10: an order that was once seen fetches nothing: only who holds the attempt now does', async () => {
  const another: Holder = { ...mine, nonce: 'fedcba9876543210', worker: 'other' };
  for (const holders of [[], [another], [another, { ...mine, isLive: false }]]) {
    assert.deepEqual((await given(['fetch'], holders)).asked, []);
    assert.deepEqual((await given(['fetch', 'store'], holders, {}, ['fetch'])).asked, []);
  }
});

test('R10: nobody writes into the place of another holder', async () => {
  for (const other of [
    { ...mine, worker: 'other' },
    // The place is named by eight digits: another nonce may lead to it.
    { ...mine, nonce: `${nonce.slice(0, 8)}ffffffff` },
  ]) {
    const { told, asked, log } = await given(['store', 'fetch'], [other]);
    assert.deepEqual([told, asked], [[], []]);
    assert.match(log, /not its own/);
  }
});

test('a forge that fails is told in our log, and the worker hears nothing it could take for a grant', async () => {
  const { told, log } = await given(['fetch'], [mine], { fetchGrant: () => Promise.reject(new Error('502')) });
  assert.deepEqual(told, []);
  assert.match(log, /will ask again/);
});

test('with nothing to fetch with comes what to do where that is not enough', async () => {
  const hints: Partial<GrantSource> = { fetchHint: ({ repo }) => `install it for ${repo}` };
  const hintIn = async (source: Partial<GrantSource>): Promise<unknown> => {
    const [told] = (await given(['fetch'], [mine], { ...hints, ...source })).told;
    return told?.kind === 'grant' ? told.grant.fetchHint : assert.fail();
  };
  assert.equal(await hintIn({ fetchGrant: () => Promise.resolve(null) }), 'install it for a');
  assert.equal(await hintIn({}), undefined);
});

test('forms by type go to who knows them; who does not is of 0.1, gets one for all, and the log says so', async () => {
  const form = { kind: 's3-form', url: 'https://b/', fields: {}, maxObjectBytes: 1 } as const;
  const storeGrant: GrantSource['storeGrant'] = (_prefix, validMs, takesForms) =>
    Promise.resolve({ grant: takesForms ? { ...form, forms: [] } : form, validMs });
  const storeFor = async (asking: Pick<Asking, 'takesForms'>): Promise<readonly [unknown, boolean]> => {
    const { told, log } = await given(['store'], [mine], { storeGrant }, ['store'], asking);
    const [one] = told;
    return [one?.kind === 'grant' && one.grant.store, log.includes('any type of content')];
  };
  assert.deepEqual(await storeFor({ takesForms: true }), [{ ...form, forms: [] }, false]);
  assert.deepEqual(await storeFor({}), [form, true]);
});

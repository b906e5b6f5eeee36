import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../../test/support/hand-clock.ts';
import { spokenForge } from '../../../test/support/intake-world.ts';
import { anOrder } from '../../../test/support/ledger-world.ts';
import type { Forge } from '../../forge/forge.ts';
import type { StoreGrants } from '../../storage/object-store.ts';
import { grantSource } from './grant-source.ts';

const settled = async (): Promise<void> => {
  await new Promise(setImmediate);
};
const noStore: StoreGrants = { isGranting: false, grantBelow: () => Promise.resolve(null) };

function openSource(forges: ReadonlyMap<string, Forge>, store: StoreGrants) {
  const clock = createHandClock();
  const said: string[] = [];
  const note = (message: string): void => void said.push(message);
  const source = grantSource(forges, store, { clock, logger: { warn: note, info: note } });
  let turns = 0;
  source.onTurn?.(() => (turns += 1));
  return { clock, said, source, turns: () => turns };
}

test('a store that is away at the start holds back what needs it, until it answers once', async () => {
  let isAway = true;
  const store: StoreGrants = {
    isGranting: true,
    grantBelow: (prefix, validMs) =>
      isAway
        ? Promise.reject(new Error('nobody there'))
        : Promise.resolve({ grant: { kind: 'http', url: `http://store/${prefix}/`, token: null }, validMs }),
  };
  const { source, clock, said } = openSource(new Map(), store);
  const canGive = (): boolean => source.canGive?.(anOrder()) ?? true;
  await settled();
  assert.equal(canGive(), false);
  assert.deepEqual(source.obstacles?.(), [{ of: 'store', why: 'nobody there' }]);
  isAway = false;
  clock.pass(2_000);
  assert.equal(canGive(), false);
  await settled();
  assert.equal(canGive(), true);
  assert.deepEqual(source.obstacles?.(), []);
  isAway = true;
  clock.pass(3_600_000);
  assert.equal(canGive(), true, 'it signs without asking');
  assert.deepEqual(
    said.map((line) => line.slice(0, 18)),
    ['the store is away,', 'the store answers;'],
  );
});

test('jobs of a repository whose token cannot be had stay here, those of others go; each says why', async () => {
  const job = anOrder();
  const other = { ...job, subject: { ...job.subject, repo: 'other' } };
  const foreign = { ...job, commandSubject: { ...job.subject, repo: 'other' } };
  let why: string | null = 'GitHub answers 401';
  const asked: string[] = [];
  const forge: Forge = {
    ...spokenForge(),
    fetchGrant: (repo) => {
      asked.push(repo);
      const isRefused = repo === job.subject.repo && why !== null;
      return isRefused ? Promise.reject(new Error(why ?? '')) : Promise.resolve({ username: 'u', password: 'p' });
    },
    fetchHint: (repo) => `install it for ${repo}`,
  };
  const { source, clock, said, turns } = openSource(new Map([['git', forge]]), noStore);
  const go = (): readonly (boolean | undefined)[] => [job, other, foreign].map((one) => source.canGive?.(one));
  assert.deepEqual(go(), [false, false, false]);
  await settled();
  assert.deepEqual(go(), [false, true, true]);
  assert.deepEqual(asked, [job.subject.repo, 'other'], 'once each');
  const { forge: name, repo } = job.subject;
  assert.deepEqual(source.obstacles?.(), [{ of: 'fetch', forge: name, repo, why: 'GitHub answers 401' }]);
  assert.equal(turns(), 2, 'feeding is waked');
  why = null;
  clock.pass(2_000);
  go();
  await settled();
  assert.deepEqual(go(), [true, true, true]);
  assert.deepEqual(source.obstacles?.(), []);
  assert.equal(said.length, 2);
  // A worker's question that fails holds the next ones back.
  why = 'GitHub answers 502';
  await assert.rejects(source.fetchGrant(job.subject, new AbortController().signal), /502/);
  assert.deepEqual(go(), [false, true, true]);
  assert.equal(source.fetchHint?.(job.subject), `install it for ${repo}`);
});

test('a forge that never gives tokens holds nothing back', () => {
  const { source } = openSource(new Map([['git', spokenForge()]]), noStore);
  assert.deepEqual(source.kindsFor(anOrder()), []);
  assert.equal(source.canGive?.(anOrder()), true);
});

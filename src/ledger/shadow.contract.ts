import assert from 'node:assert/strict';
import { aChange, anOrder, enqueue, FakeWorker, offer, shaOf } from '../../test/support/ledger-world.ts';
import type { LedgerClause } from './harness.contract.ts';
import type { ForeignStatus, Ledger } from './ledger.ts';
import type { ShadowRow } from './ledger-reader.ts';

const worker = new FakeWorker('w1');

/** A look at the head of branch `main` that shows these statuses of another CI. */
async function look(ledger: Ledger, foreign: readonly ForeignStatus[], now = 1_000, sha = shaOf('a')): Promise<void> {
  const change = aChange(anOrder({ sha }), { version: now });
  await ledger.applyDecision({ change, actions: [], deliveryIds: [], now, traceId: 'trace', foreign });
}

const other = (context: string, state: ForeignStatus['state'], createdAt: number): ForeignStatus => ({
  context,
  state,
  createdAt,
  creator: 'other-ci',
});

const theirs = (rows: readonly ShadowRow[]) =>
  rows.map((row) => [row.context, row.theirs?.state, row.theirs?.pendingAt, row.theirs?.finalAt]);

/** What another CI said of our commits. */
export const shadowClauses: readonly LedgerClause[] = [
  {
    title: 'what another CI shows is remembered beside our verdict, with when it began and ended',
    async check({ ledger, reader }) {
      const job = anOrder();
      await enqueue(ledger, job, { now: 500 });
      await look(ledger, [other('test', 'pending', 600)], 1_000);
      await look(ledger, [other('test', 'pending', 700)], 1_100);
      assert.deepEqual(theirs(await reader.shadowRows(0, 9)), [['test', 'pending', 600, null]]);
      await ledger.finished(worker.finished(FakeWorker.holding(await offer(ledger, job), 'a')), true, 3_000);
      await look(ledger, [other('test', 'success', 2_600)], 4_000);
      const rows = await reader.shadowRows(0, 9);
      assert.deepEqual(rows, [
        {
          forge: 'git',
          repo: 'demo',
          sha: shaOf('a'),
          context: 'test',
          ours: { outcome: { kind: 'passed' }, queuedAt: 500, endedAt: 3_000 },
          theirs: { state: 'success', creator: 'other-ci', pendingAt: 600, finalAt: 2_600 },
        },
      ]);
      await look(ledger, [other('test', 'pending', 5_000)], 5_000);
      await look(ledger, [other('test', 'failure', 6_000)], 6_000);
      assert.deepEqual(theirs(await reader.shadowRows(0, 9)), [['test', 'failure', 5_000, 6_000]], 'run again');
    },
  },
  {
    title: 'what only one of the two says is listed, of repositories where both are at work',
    async check({ ledger, reader }) {
      await enqueue(ledger, anOrder({ context: 'ours' }), { now: 500 });
      await enqueue(ledger, anOrder({ repo: 'alone' }), { now: 500 });
      assert.deepEqual(await reader.shadowRows(0, 9), []);
      await look(ledger, [other('theirs', 'failure', 600)]);
      const who = (rows: readonly ShadowRow[]) =>
        rows.map((row) => [row.context, row.ours !== null, row.theirs !== null]);
      assert.deepEqual(who(await reader.shadowRows(0, 9)), [
        ['theirs', false, true],
        ['ours', true, false],
      ]);
      assert.deepEqual(who(await reader.shadowRows(600, 9)), [['theirs', false, true]]);
      assert.equal((await reader.shadowRows(0, 1)).length, 1);
    },
  },
  {
    title: 'no commit fills the ledger with names, and what was seen of old commits is forgotten',
    async check({ ledger, reader }) {
      const many = Array.from({ length: 600 }, (_, at) => other(`c${String(at)}`, 'success', 1));
      await look(ledger, [other('x'.repeat(5_000), 'success', 1), ...many]);
      assert.ok((await reader.shadowRows(0, 9_999)).length < 600);
      await look(ledger, [other('new', 'success', 1)], 2_000, shaOf('b'));
      for (let round = 0; round < 20; round += 1) await ledger.forgetTraces(10_000, 50);
      assert.deepEqual(theirs(await reader.shadowRows(0, 9)), [['new', 'success', null, 1]], 'the head’s stay');
    },
  },
];

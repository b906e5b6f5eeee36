import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { holdingOf } from '../../test/support/holding.ts';
import { startLoneWorker } from '../../test/support/lone-worker.ts';
import { modelRunner } from '../../test/support/model-runner.ts';
import { until } from '../../test/support/until.ts';
import { attemptOf, signEnvelope } from '../core/job-envelope.ts';

test('a grant that comes before the consumers are cancelled is not lost: the job starts at once', async (context) => {
  const { signature: _nobodys, ...order } = holdingOf().envelope;
  const envelope = signEnvelope({ ...order, grants: ['fetch'] }, 'key');
  const clock = createHandClock();
  const started: string[] = [];
  const worker = startLoneWorker(context, {
    clock,
    order: envelope,
    onCancel: () => {
      // The server is faster than the broker's answer to the cancel.
      const claim = worker.said.find(({ kind }) => kind === 'claimed');
      assert.ok(claim?.kind === 'claimed');
      const grant = { validMs: 900_000, fetch: { username: 'u', password: 'p' }, store: null };
      worker.tell({ v: 1, kind: 'grant', attempt: attemptOf(envelope), nonce: claim.nonce, grant });
    },
    runner: modelRunner(clock, (job) => {
      started.push(job.id);
      return { ms: 1_000, outcome: { kind: 'passed' } };
    }),
  });
  await until(() => worker.hellos().length > 0, { what: 'its hello' });
  worker.tell({ v: 1, kind: 'serve', queues: ['jobs.default'] });
  await until(() => worker.isTaking(), { what: 'a consumer' });
  assert.equal(await worker.offer(), 'ack');
  await until(() => started.length === 1, { what: 'the start, with no second question' });
  assert.ok(!worker.said.some(({ kind }) => kind === 'ask'));
});

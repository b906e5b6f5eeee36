import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import { jobIdOf, type Job } from '../core/job.ts';
import type { Finished } from '../core/worker-message.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import { prefixOfHolding, putRunRecord, readRunRecords, type RunRecord } from './run-record.ts';

function jobFor(context: string): Job {
  const subject = { forge: 'git', repo: 'a/b', sha: 'c'.repeat(40), pull: 1, baseRef: 'main', branch: null };
  const identity = { subject, context, occasion: 'change', commandSubject: null, isTrusted: true };
  return {
    ...identity,
    id: jobIdOf(identity),
    command: null,
    container: null,
    env: {},
    secrets: [],
    needs: [],
    pool: 'default',
    priority: 5,
    timeoutMs: 1000,
    exclusive: false,
    integration: 'merge',
    network: 'default',
    limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
  };
}

function recordOf(job: Job, n: number): RunRecord {
  const envelope = signEnvelope(
    { v: 1, job, generation: 1, n, baseSha: null, cloneUrl: '/src/project', avoid: [], traceId: 't' },
    'key',
  );
  const finished: Finished = {
    v: 1,
    kind: 'finished',
    worker: 'w',
    session: 1,
    seq: n,
    envelope,
    nonce: '0123456789abcdef',
    outcome: { kind: 'failed', exitCode: 1, reason: 'exit' },
    startedAt: 1,
    endedAt: 2,
    testedSha: null,
    imageDigest: null,
    peakMemoryBytes: null,
    oom: 'unknown',
  };
  return { v: 1, finished, log: { sha256: 'd'.repeat(64), sizeBytes: 5, isTruncated: false } };
}

test('the records of all attempts of a job are read back as they were put, those of others are not', async (context) => {
  const store = await createDirectoryStore({ root: join(await tempDir(context), 's'), clock: systemClock });
  const [job, other] = [jobFor('unit'), jobFor('integration')];
  for (const record of [recordOf(job, 1), recordOf(job, 2), recordOf(other, 1)]) {
    await putRunRecord(store, record, 'private');
    await putRunRecord(store, record, 'private');
  }
  assert.deepEqual(await readRunRecords(store, job), [recordOf(job, 1), recordOf(job, 2)]);
});

test('what is no record, or lies in the wrong place, is left out', async (context) => {
  const store = await createDirectoryStore({ root: join(await tempDir(context), 's'), clock: systemClock });
  const job = jobFor('unit');
  const record = recordOf(job, 1);
  const here = prefixOfHolding(record.finished);
  const put = (key: string, content: string) =>
    store.put(key, { bytes: Buffer.from(content) }, { contentType: 'application/json', visibility: 'public' });
  await put(`${here}/run.json`, '{"v":1');
  await put(`${here}/attached/run.json`, JSON.stringify(record));
  await put(`${here.replace('/1.1-', '/1.2-')}/run.json`, JSON.stringify(record));
  await put(`${here.replace('/1.1-', '/1.3-')}/run.json`, JSON.stringify(recordOf(jobFor('integration'), 3)));
  await put(`${here.replace('/1.1-', '/1.4-')}/run.json`, 'x'.repeat(5_000_000));
  assert.deepEqual(await readRunRecords(store, job), []);
});

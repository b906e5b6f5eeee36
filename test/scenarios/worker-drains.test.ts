import assert from 'node:assert/strict';
import { kill } from 'node:process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { WorkerSeen } from '../../src/ledger/ledger-reader.ts';
import { openCrew, type Crew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

const waitingJob = (crew: Crew): { readonly script: string } => ({
  script: `#!/bin/sh\nwhile ! [ -e "${crew.root}/stop" ]; do sleep 0.05; done\n`,
});

async function seen(crew: Crew, name: string): Promise<WorkerSeen | undefined> {
  const { out } = await crew.cli('workers', '--json');
  return (JSON.parse(out) as readonly WorkerSeen[]).find(({ worker }) => worker === name);
}

test('SIGTERM lets a worker finish and leave, taking nothing new', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const first = repo.commit({ 'test/run': waitingJob(crew) });
  crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: process}\n`);
  const house = await crew.server();
  const worker = crew.start(['worker', '--name', 'one', '--slots', '2']);
  await house.runOf(first, 'running');
  kill(worker.pid, 'SIGTERM');
  await until(async () => (await seen(crew, 'one'))?.standing.takesJobs === false, {
    what: 'the server to hear of it',
  });
  // The branch begins at its own commit: at the other's for a moment, it would have that tested once more.
  repo.git('checkout', '-q', '--detach');
  const second = repo.commit({ b: '1' });
  repo.git('branch', 'other');
  await house.runOf(second, 'waiting');
  writeFileSync(`${crew.root}/stop`, '');
  assert.equal((await worker.ended).code, 0, worker.err());
  const { outcome, summary } = await house.ended(first);
  assert.deepEqual([outcome, summary.attempts], [{ kind: 'passed' }, 1]);
  assert.equal((await seen(crew, 'one'))?.hasLeft, true);
  assert.equal((await house.runOf(second)).state, 'waiting', 'nothing new was taken');
});

test('a second SIGTERM hands the jobs back, and another worker runs them at once', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const sha = repo.commit({ 'test/run': waitingJob(crew) });
  crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: process}\n`);
  const house = await crew.server();
  const worker = crew.start(['worker', '--name', 'one', '--slots', '1']);
  await house.runOf(sha, 'running');
  kill(worker.pid, 'SIGTERM');
  await until(() => worker.err().includes('finishing what runs'), { what: 'the first to be heard' });
  crew.start(['worker', '--name', 'two', '--slots', '1']);
  await until(async () => (await seen(crew, 'two')) !== undefined, { what: 'the other worker' });
  const handedAt = Date.now();
  kill(worker.pid, 'SIGTERM');
  await until(async () => (await seen(crew, 'two'))?.running === 1, { within: 5_000, what: 'the job on the other' });
  t.diagnostic(`it ran elsewhere after ${String(Date.now() - handedAt)} ms`);
  assert.equal((await worker.ended).code, 0, worker.err());
  writeFileSync(`${crew.root}/stop`, '');
  const { outcome } = await house.ended(sha);
  assert.deepEqual(outcome, { kind: 'passed' });
});

test('a person pauses a worker, which outlives its restart, and lets it go on', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: process}\n`);
  const house = await crew.server();
  const unknown = await crew.cli('workers', 'pause', 'one');
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /no worker named one/);
  const first = crew.start(['worker', '--name', 'one']);
  await until(async () => (await seen(crew, 'one')) !== undefined, { what: 'the worker' });
  assert.equal((await crew.cli('workers', 'pause', 'one')).code, 0);
  await until(async () => (await seen(crew, 'one'))?.standing.isPaused === true, { what: 'the pause' });
  const life = (await seen(crew, 'one'))?.since;
  await first.end('SIGKILL');
  crew.start(['worker', '--name', 'one']);
  const isPausedAnew = (one: WorkerSeen | undefined): boolean => one?.standing.isPaused === true && one.since !== life;
  await until(async () => isPausedAnew(await seen(crew, 'one')), { what: 'the pause of the next' });
  const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
  const { jobId } = await house.runOf(sha, 'waiting');
  const { out } = await crew.cli('queue');
  assert.match(out, /one is paused/);
  assert.equal((await crew.cli('workers', 'resume', 'one')).code, 0);
  await house.ended(sha);
  assert.ok(jobId);
  const listed = await crew.cli('workers');
  assert.match(listed.out, /one +here/);
});

test('a drain that a person asks for ends the process, and is over with it', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  crew.configure(`projects: [{name: demo, path: ${crew.repo().dir}}]\nworker: {executor: process}\n`);
  await crew.server();
  const worker = crew.start(['worker', '--name', 'one']);
  await until(async () => (await seen(crew, 'one')) !== undefined, { what: 'the worker' });
  assert.equal((await crew.cli('workers', 'drain', 'one')).code, 0);
  assert.equal((await worker.ended).code, 0, worker.err());
  const left = await seen(crew, 'one');
  assert.deepEqual([left?.hasLeft, left?.wish], [true, 'work']);
  crew.start(['worker', '--name', 'one']);
  await until(async () => (await seen(crew, 'one'))?.standing.takesJobs === true, { what: 'it to work again' });
});

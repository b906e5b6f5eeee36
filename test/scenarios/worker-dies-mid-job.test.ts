import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCrew, type Crew } from '../support/crew.ts';
import { containersOf } from '../support/end-processes.ts';
import { needs } from '../support/needs.ts';
import { testImage } from '../support/test-image.ts';
import { until } from '../support/until.ts';

/** Counts without end until `<root>/stop` is there; what it wrote is known exactly. */
function countingJob(crew: Crew): { readonly script: string } {
  return {
    script: `#!/bin/sh\ni=0\nwhile ! [ -e ${crew.root}/stop ]; do i=$((i + 1)); echo "line $i"; sleep 0.01; done\necho "last $i"\n`,
  };
}

function assertNothingMissing(log: string): void {
  const lines = log.split('\n').filter((line) => !line.startsWith('[groundcrew]') && line !== '');
  const last = lines.pop();
  const count = Number(/^last (\d+)$/.exec(last ?? '')?.[1]);
  assert.equal(lines.length, count);
  lines.forEach((line, index) => {
    assert.equal(line, `line ${String(index + 1)}`);
  });
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(
    `a worker that ends by ${signal} and comes again goes on with its job, and no byte of the log is lost`,
    needs('git', 'linux'),
    async (t) => {
      const crew = await openCrew(t);
      const repo = crew.repo();
      const sha = repo.commit({ 'test/run': countingJob(crew) });
      crew.configure(
        `projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: process}\nlogs: {flush: 100ms}\n`,
      );
      const house = await crew.server();
      const worker = crew.start(['worker', '--on-term', 'keep']);
      const { jobId } = await house.runOf(sha, 'running');
      await until(async () => (await house.log(jobId)).includes('line 20\n'), { what: 'some of the log' });
      await worker.end(signal);
      const seen = (await house.log(jobId)).length;
      crew.start(['worker']);
      await until(async () => (await house.log(jobId)).length > seen + 200, { what: 'the log to go on' });
      writeFileSync(`${crew.root}/stop`, '');
      const { outcome, summary, log } = await house.ended(sha);
      assert.deepEqual(outcome, { kind: 'passed' });
      assert.equal(summary.attempts, 1, 'it is the same attempt');
      assertNothingMissing(log);
    },
  );
}

test(
  'a server that is killed and comes again finds its job running, and the verdict of one that ended meanwhile',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const sha = repo.commit({ 'test/run': countingJob(crew) });
    crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: process}\nlogs: {flush: 100ms}\n`);
    const house = await crew.server();
    crew.start(['worker']);
    const { jobId } = await house.runOf(sha, 'running');
    await until(async () => (await house.log(jobId)).includes('line 5\n'), { what: 'some of the log' });
    await house.program.end('SIGKILL');
    const second = await crew.server();
    assert.equal((await second.run(jobId)).summary.state, 'running');
    await second.program.end('SIGKILL');
    // Its end comes while nobody listens.
    writeFileSync(`${crew.root}/stop`, '');
    const third = await crew.server();
    const { outcome, summary, log } = await third.ended(sha);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.equal(summary.attempts, 1);
    assertNothingMissing(log);
  },
);

test('an "up" that is killed takes its running job up again', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const sha = repo.commit({ 'test/run': countingJob(crew) });
  const house = await crew.up(repo.dir);
  const { jobId } = await house.runOf(sha, 'running');
  await until(async () => (await house.log(jobId)).includes('line 5\n'), { what: 'some of the log' });
  await house.program.end('SIGKILL');
  const second = await crew.up(repo.dir);
  writeFileSync(`${crew.root}/stop`, '');
  const { outcome, summary, log } = await second.ended(sha);
  assert.deepEqual(outcome, { kind: 'passed' });
  assert.equal(summary.attempts, 1);
  assertNothingMissing(log);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(
    `a job in a container outlives a worker that ends by ${signal}, and the next one takes it up`,
    needs('git', 'linux', 'podman'),
    async (t) => {
      const crew = await openCrew(t);
      const repo = crew.repo();
      const script =
        '#!/bin/sh\ni=0\nwhile ! [ -e "$TEST_ATTACHMENTS/stop" ]; do i=$((i + 1)); echo "line $i"; sleep 0.01; done\necho "last $i"\n';
      const sha = repo.commit({ 'test/run': { script }, '.groundcrew/container': `${await testImage()}\n` });
      crew.configure(
        `projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: podman, name: one}\nlogs: {flush: 100ms}\n`,
      );
      const house = await crew.server();
      const worker = crew.start(['worker', '--on-term', 'keep']);
      const { jobId } = await house.runOf(sha, 'running');
      await until(async () => (await house.log(jobId)).includes('line 20\n'), { what: 'some of the log' });
      const before = containersOf(crew.root);
      assert.equal(before.length, 1);
      await worker.end(signal);
      const seen = (await house.log(jobId)).length;
      assert.deepEqual(containersOf(crew.root), before, 'it runs on without a worker');
      crew.start(['worker']);
      await until(async () => (await house.log(jobId)).length > seen + 200, { what: 'the log to go on' });
      assert.deepEqual(containersOf(crew.root), before, 'it is the same container');
      const attempts = join(crew.stateDir, 'worker/one/attempts');
      for (const nonce of readdirSync(attempts)) writeFileSync(join(attempts, nonce, 'attachments/stop'), '');
      const { outcome, summary, log } = await house.ended(sha);
      assert.deepEqual(outcome, { kind: 'passed' });
      assert.equal(summary.attempts, 1, 'it is the same attempt');
      assertNothingMissing(log);
      await until(() => containersOf(crew.root).length === 0, { what: 'the container to be removed' });
    },
  );
}

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { renameSync } from 'node:fs';
import { until } from '../support/until.ts';

const pass = { 'test/run': { script: '#!/bin/sh\necho fine\n' } };

test(
  'a repository that is away at the checkout is the failure of the machinery, and tried again',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const sha = repo.commit(pass);
    crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\nworker: {executor: process}\n`);
    const house = await crew.server();
    await house.runOf(sha);
    renameSync(repo.dir, `${repo.dir}.away`);
    const worker = crew.start(['worker']);
    const { jobId } = await house.runOf(sha);
    const first = await until(
      async () => (await house.run(jobId)).attempts.find((attempt) => attempt.outcome !== null),
      { what: 'the first attempt to break' },
    ).catch(async (error: unknown) => {
      const run = JSON.stringify(await house.run(jobId));
      throw new Error(`${String(error)}\n${run}\n--- worker\n${worker.err()}`, { cause: error });
    });
    assert.equal(first.outcome?.kind, 'broken');
    assert.equal(first.outcome.cause, 'checkout');
    assert.notEqual((await house.run(jobId)).summary.state, 'ended');
    renameSync(`${repo.dir}.away`, repo.dir);
    const { outcome, summary } = await house.ended(sha);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.equal(summary.attempts, 2);
  },
);

test('a repository with nothing to run gets one sentence, not a failure', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const sha = repo.commit({ README: 'hello\n' });
  const house = await crew.up(repo.dir);
  const held = await until(async () => (await house.held())[0], { what: 'the sentence' });
  assert.equal(held.kind, 'nothing-to-run');
  assert.equal(held.change.headSha, sha);
  assert.match(held.sentence, /^Nothing to run: commit an executable \.groundcrew\/run/);
  assert.deepEqual(await house.runs(), []);
  assert.ok((await (await house.get('/')).text()).includes('Nothing to run'));
  // The next commit mends it.
  assert.deepEqual((await house.ended(repo.commit(pass))).outcome, { kind: 'passed' });
  assert.deepEqual(await house.held(), []);
});

test(
  'a container file that names no image, and an entry point that cannot be run, are failures of the change',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    repo.commit(pass);
    const house = await crew.up(repo.dir);
    const cases = [
      [
        { '.groundcrew/container': '--privileged\n' },
        /The container file cannot be used: \.groundcrew\/container: "--privileged" is no image name/,
      ],
      [{ '.groundcrew/container': 'one\ntwo\n' }, /it has 2 lines/],
      [{ '.groundcrew/container': { link: '/etc/passwd' } }, /The container file cannot be used/],
      [
        { '.groundcrew/container': null, 'test/run': '#!/bin/sh\n' },
        /test\/run is not executable: run "git update-index/,
      ],
      [{ 'test/run': { script: 'no shebang, no program \\x00\n' } }, /Tests failed/],
    ] as const;
    for (const [files, words] of cases) {
      const { outcome, log, summary } = await house.ended(repo.commit(files));
      assert.equal(outcome.kind, 'failed', log);
      assert.equal(summary.attempts, 1);
      assert.match(log.trimEnd().split('\n').at(-1) ?? '', words);
    }
  },
);

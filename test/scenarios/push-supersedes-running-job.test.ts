import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { until } from '../support/until.ts';

test(
  'a push stops the job of the commit before within 2 s, and keeps its log and attachments',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const sleepy = {
      script: [
        '#!/bin/sh',
        'echo kept >"$TEST_ATTACHMENTS/kept.txt"',
        'trap \'echo "got TERM"; exit 1\' TERM',
        'echo running',
        'while :; do sleep 0.1; done',
        '',
      ].join('\n'),
    };
    const first = repo.commit({ 'test/run': sleepy });
    const house = await crew.up(repo.dir);
    const { jobId } = await house.runOf(first, 'running');
    await until(async () => (await house.log(jobId)).includes('running\n'), { what: 'the first job to run' });

    const second = repo.commit({ 'test/run': { script: '#!/bin/sh\necho second\n' } });
    const old = await house.ended(first);

    assert.deepEqual(old.outcome, { kind: 'canceled', reason: 'superseded', by: second });
    assert.match(old.log, /^got TERM$/m);
    assert.match(old.log, /\[groundcrew\] stopping: superseded/);
    const seenAt = (await house.runOf(second)).queuedAt;
    const tookMs = (old.summary.endedAt ?? Infinity) - seenAt;
    assert.ok(tookMs < 2_500, `ended ${String(tookMs)} ms after the push was seen`);
    const page = await (await house.get(`/runs/${jobId}`)).text();
    assert.match(page, /Superseded by/);
    assert.match(page, /kept\.txt/);
    assert.deepEqual((await house.ended(second)).outcome, { kind: 'passed' });
  },
);

test('what waits when a newer push comes is never started', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
  crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\n`);
  const house = await crew.server();
  const waiting = repo.commit({ a: '1' });
  await house.runOf(waiting);
  const newest = repo.commit({ a: '2' });
  const run = await house.runOf(newest);
  const old = await house.runOf(waiting, 'ended');
  assert.equal(old.outcome?.kind, 'canceled');
  assert.equal(old.startedAt, null);
  assert.notEqual(run.state, 'ended');
});

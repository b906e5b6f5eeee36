import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

test('a commit on a branch is tested and its log is on the page', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\necho first\n' } });
  const house = await crew.up(repo.dir);
  const sha = repo.commit({
    'test/run': { script: '#!/bin/sh\necho "the value is $((6 * 7))"\necho hi >"$TEST_ATTACHMENTS/note.txt"\n' },
  });
  const { outcome, log, summary } = await house.ended(sha);
  assert.deepEqual(outcome, { kind: 'passed' });
  assert.match(log, /^the value is 42$/m);
  const page = await (await house.get(`/runs/${summary.jobId}`)).text();
  assert.match(page, /Passed/);
  assert.match(page, /note\.txt/);
  const lines = log.trimEnd().split('\n');
  assert.equal(lines[0], `[groundcrew] testing ${sha.slice(0, 12)} (main)`);
  assert.match(lines.at(-1) ?? '', /^\[groundcrew\] Passed( after \d+ s)?$/);
  assert.doesNotMatch(log, /Counting objects|Receiving objects/);
});

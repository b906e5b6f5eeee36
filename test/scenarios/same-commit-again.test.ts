import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { writeFileSync } from 'node:fs';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

test('a branch that goes from A to B and back to A has A tested again', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  // Ends only when it is told to: A must still be running when B comes.
  const script = `#!/bin/sh\necho "begins"\nwhile ! [ -e ${crew.root}/go ]; do sleep 0.1; done\n`;
  const a = repo.commit({ 'test/run': { script } });
  const house = await crew.up(repo.dir);
  await house.runOf(a, 'running');
  const b = repo.commit({ other: 'b' });
  const superseded = await house.runOf(a, 'ended');
  assert.equal(superseded.outcome?.kind, 'canceled');
  await house.runOf(b, 'running');

  repo.git('reset', '-q', '--hard', a);
  assert.equal((await house.runOf(b, 'ended')).outcome?.kind, 'canceled');
  const again = await house.runOf(a, 'running');
  assert.equal(again.jobId, superseded.jobId, 'it is the same job');
  assert.equal(again.generation, 2);
  writeFileSync(`${crew.root}/go`, '');
  const end = await house.ended(a);
  assert.deepEqual(end.outcome, { kind: 'passed' });
  assert.equal(end.detail.attempts.length, 2, 'the attempt of the first generation is still shown');
});

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import type { TestRepo } from '../support/git-repo.ts';
import { until } from '../support/until.ts';

const pass = { 'test/run': { script: '#!/bin/sh\necho "pull $TEST_PULL base $BASE_BRANCH"\n' } };

/** A commit that only `refs/pull/7/head` shows. */
function strangersCommit(repo: TestRepo, text: string): string {
  repo.git('checkout', '-q', '--detach');
  const sha = repo.commit({ 'stranger.txt': text });
  repo.git('update-ref', 'refs/pull/7/head', sha);
  repo.git('checkout', '-q', 'main');
  return sha;
}

test(
  "a stranger's pull ref waits; an approval is for one commit, and the next push waits again",
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    repo.commit(pass);
    const house = await crew.up(repo.dir);
    await house.ended(repo.git('rev-parse', 'main'));

    const first = strangersCommit(repo, 'one');
    const held = await until(async () => (await house.held())[0], { what: 'the pull request to be held' });
    assert.equal(held.kind, 'needs-approval');
    assert.equal(held.change.headSha, first);
    assert.deepEqual(
      (await house.runs()).filter((run) => run.pull === 7),
      [],
    );
    assert.equal((await house.ask({ kind: 'approve', sha: first }, null)).status, 401);
    assert.equal((await crew.cli('approve', '#7')).code, 0);
    const { outcome, log } = await house.ended(first);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.match(log, /^pull 7 base main$/m);
    assert.match(log, /testing \w{12} \(pull request 7\)/);

    const second = strangersCommit(repo, 'two');
    await until(async () => (await house.held()).some(({ change }) => change.headSha === second), {
      what: 'the next push to be held',
    });
    assert.deepEqual(
      (await house.runs()).filter((run) => run.sha === second),
      [],
    );
    // The approval of the first commit says nothing about the second.
    assert.equal((await house.ask({ kind: 'approve', sha: first })).status, 404);
    assert.deepEqual(
      (await house.runs()).filter((run) => run.sha === second),
      [],
    );
  },
);

test('with trustPulls a pull ref is tested at once, merged onto its base', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\ncat base.txt stranger.txt\n' }, 'base.txt': 'old base\n' });
  const sha = strangersCommit(repo, 'from a stranger\n');
  const base = repo.commit({ 'base.txt': 'new base\n' });
  crew.configure(`projects: [{name: demo, path: ${repo.dir}, trustPulls: true}]\n`);
  const house = await crew.up();
  const { outcome, log, detail } = await house.ended(sha);
  assert.deepEqual(outcome, { kind: 'passed' });
  assert.match(log, /^new base\nfrom a stranger$/m);
  assert.match(log, new RegExp(`testing ${sha.slice(0, 12)} \\(pull request 7\\), merged onto ${base.slice(0, 12)}`));
  assert.notEqual(detail.attempts[0]?.testedSha, sha);
});

test('a pull ref that conflicts with its base is the failure of the change', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ ...pass, 'stranger.txt': 'base\n' });
  const sha = strangersCommit(repo, 'theirs\n');
  repo.commit({ 'stranger.txt': 'ours\n' });
  crew.configure(`projects: [{name: demo, path: ${repo.dir}, trustPulls: true}]\n`);
  const house = await crew.up();
  const { outcome, log, summary } = await house.ended(sha);
  assert.equal(outcome.kind, 'failed');
  assert.equal(outcome.kind === 'failed' && outcome.reason, 'merge-conflict');
  assert.equal(summary.attempts, 1, 'it is not tried again');
  assert.match(log, /stranger\.txt/);
  assert.match(log.trimEnd().split('\n').at(-1) ?? '', /Does not merge with its base branch.*stranger\.txt/);
});

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

test(
  '100,000 attachments: some are kept, the rest is counted, and the verdict stands',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const sha = repo.commit({
      'test/run': { script: '#!/bin/sh\ncd "$TEST_ATTACHMENTS" && seq 100000 | xargs touch\n' },
    });
    const house = await crew.up(repo.dir);
    const { jobId } = await house.runOf(sha, 'ended');
    assert.deepEqual((await house.run(jobId)).summary.outcome, { kind: 'passed' });
    await until(async () => (await house.run(jobId)).attempts.every(({ logSha256 }) => logSha256 !== null), {
      within: 90_000,
      what: 'the log to be sealed',
    });
    assert.match(await house.log(jobId), /\[groundcrew\] .*\b(90,?000|more)\b/);
  },
);

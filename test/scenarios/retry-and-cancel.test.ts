import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { existsSync, writeFileSync } from 'node:fs';
import { until } from '../support/until.ts';

test(
  'a run is canceled and retried by command line and by HTTP, and nothing without the token',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const flag = `${crew.root}/green`;
    const sha = repo.commit({
      'test/run': { script: `#!/bin/sh\necho hello\n[ -e ${flag} ] && exit 0\nexec sleep 1000\n` },
    });
    const house = await crew.up(repo.dir);
    const first = await house.runOf(sha, 'running');
    await until(async () => (await house.log(first.jobId)).includes('hello\n'), { what: 'it to run' });

    assert.equal((await house.ask({ kind: 'cancel', jobId: first.jobId }, null)).status, 401);
    assert.equal((await house.ask({ kind: 'cancel', jobId: first.jobId }, 'x'.repeat(32))).status, 401);
    assert.equal((await house.run(first.jobId)).summary.state, 'running');
    const said = await crew.cli('cancel', first.jobId.slice(0, 8));
    assert.deepEqual([said.code, said.err], [0, '']);
    assert.match(said.out, /^asked to cancel [0-9a-f]{8} \(demo test at [0-9a-f]{12}\)\n$/);
    const canceled = await house.ended(sha);
    assert.equal(canceled.outcome.kind, 'canceled');
    assert.match(canceled.log, /\[groundcrew\] stopping: /);
    assert.match(canceled.log.trimEnd().split('\n').at(-1) ?? '', /Canceled by /);

    // By HTTP: a new job of its own, which ends well this time.
    writeFileSync(flag, '');
    const answer = await house.ask({ kind: 'retry', jobId: first.jobId });
    assert.equal(answer.status, 202);
    const passed = await until(
      async () => (await house.runs()).find((run) => run.sha === sha && run.outcome?.kind === 'passed'),
      { what: 'the retry to pass' },
    );
    assert.notEqual(passed.jobId, first.jobId);
    assert.match(passed.occasion, /^request:/);
    // A canceled one that waits goes at once; what has ended cannot be canceled.
    assert.equal((await house.ask({ kind: 'cancel', jobId: passed.jobId })).status, 409);
    assert.equal((await crew.cli('retry', passed.jobId)).code, 0);
    await until(async () => (await house.runs()).filter((run) => run.outcome?.kind === 'passed').length === 2, {
      what: 'the second retry',
    });
    assert.ok(existsSync(flag));
  },
);

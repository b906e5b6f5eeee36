import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { rmSync } from 'node:fs';
import { until } from '../support/until.ts';

test(
  'a hook makes a commit visible at once, and harms nobody when groundcrew is gone',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
    // No poll helps: only the hook can tell.
    crew.configure(`projects: [{name: demo, path: ${repo.dir}, poll: 1h}]\n`);
    const installed = await crew.cli('hook', 'install', repo.dir);
    assert.deepEqual([installed.code, installed.err], [0, '']);
    assert.match(installed.out, /^created: .*\/hooks\/post-commit$/m);
    assert.match((await crew.cli('hook', 'install', repo.dir)).out, /^unchanged: /m);
    const house = await crew.up();
    await house.ended(repo.git('rev-parse', 'HEAD'));

    const sha = repo.commit({ a: '1' });
    const committedAt = Date.now();
    const run = await until(async () => (await house.runs()).find((one) => one.sha === sha), {
      within: 10_000,
      what: 'the commit to be seen',
    });
    assert.ok(run.queuedAt - committedAt < 1_000, `queued after ${String(run.queuedAt - committedAt)} ms`);
    await house.ended(sha);

    // While no server runs the note waits.
    await house.program.end();
    const later = repo.commit({ a: '2' });
    const next = await crew.up();
    assert.deepEqual((await next.ended(later)).outcome, { kind: 'passed' });
    await next.program.end();

    rmSync(crew.stateDir, { recursive: true, force: true });
    const orphan = repo.commit({ a: '3' });
    assert.equal(repo.git('rev-parse', 'HEAD'), orphan, 'git commit works, with no groundcrew left');
    const removed = await crew.cli('hook', 'remove', repo.dir);
    assert.match(removed.out, /^removed: /m);
  },
);

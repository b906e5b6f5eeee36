import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

test(
  'a second server on the same state directory refuses in one line, with exit 2',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
    const house = await crew.up(repo.dir);
    for (const verb of ['up', 'server']) {
      const second = await crew.start([verb, '--port', '0'], { cwd: repo.dir }).ended;
      assert.equal(second.code, 2, second.err);
      assert.match(
        second.err.trim(),
        new RegExp(`^groundcrew: another groundcrew server uses .*process ${String(house.program.pid)}.*$`),
      );
    }
    // The first one is none the worse for it.
    assert.deepEqual((await house.ended(sha)).outcome, { kind: 'passed' });
    const left = await house.program.end('SIGINT');
    assert.equal(left.code, 130);
    // Killed or not, the lock went with the process.
    const again = await crew.up(repo.dir);
    assert.equal((await again.program.end('SIGKILL')).code, null);
    await crew.up(repo.dir);
  },
);

test(
  'a second worker of the same name refuses too, however long the first has been running',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\nhead -c 30000000 /dev/zero | tr "\\0" x\n' } });
    const house = await crew.up(repo.dir);
    // The work makes garbage, and garbage is collected: the lock must not be among it.
    await house.ended(sha);
    const second = await crew.start(['worker', '--executor', 'process']).ended;
    assert.equal(second.code, 2, second.err);
    assert.match(second.err, /^groundcrew: a worker named .* runs here already/);
  },
);

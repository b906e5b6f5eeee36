import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { until } from '../support/until.ts';

test(
  'a full ledger disk loses nothing: what came meanwhile is tested when there is room again',
  needs('git', 'linux', 'root'),
  async (t) => {
    // Hooks run in the order of their making, and a mounted directory cannot be removed.
    let mounted: string | null = null;
    t.after(() => {
      if (mounted !== null) execFileSync('umount', ['-l', mounted]);
    });
    const crew = await openCrew(t);
    mkdirSync(crew.stateDir);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', crew.stateDir]);
    mounted = crew.stateDir;
    const repo = crew.repo();
    const first = repo.commit({ 'test/run': { script: '#!/bin/sh\necho fine\n' } });
    crew.configure(`projects: [{name: demo, path: ${repo.dir}, poll: 300ms}]\nworker: {minFreeDisk: 1MiB}\n`);
    const house = await crew.up();
    assert.deepEqual((await house.ended(first)).outcome, { kind: 'passed' });

    // Not one byte is left.
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${crew.stateDir}/ballast`, 'bs=4096'], { stdio: 'ignore' });
    } catch {
      // It ends with ENOSPC.
    }
    const second = repo.commit({ a: '1' });
    await until(() => /full|SQLITE_FULL|ENOSPC|disk/i.test(house.program.err()), {
      within: 20_000,
      what: 'a complaint in our log',
    });
    assert.equal((await house.get('/healthz')).status, 200, 'the server lives');
    rmSync(`${crew.stateDir}/ballast`);
    assert.deepEqual((await house.ended(second)).outcome, { kind: 'passed' });
    writeFileSync(`${crew.stateDir}/probe`, 'room');
  },
);

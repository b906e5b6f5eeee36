import { strict as assert } from 'node:assert';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { openFleet } from '../../support/fleet.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

test(
  'server and worker are replaced while a job runs, an older server refuses newer tables, and the copy brings it back',
  needs('git', 'linux', 'rabbitmq'),
  async (t) => {
    const fleet = await openFleet(t);
    const { crew } = fleet;
    const gate = join(crew.root, 'gate');
    const started = join(crew.root, 'started');
    const script = `#!/bin/sh\necho "$TEST_REVISION" >>${started}\nuntil [ -e ${gate}-$(cat name) ]; do sleep 0.05; done\necho over\n`;
    const repo = crew.repo();
    const sha = repo.commit({ 'test/run': { script }, name: 'first\n' });
    const yaml = `projects: [{name: demo, path: ${repo.dir}}]\n`;
    const keeping = 'worker: {executor: process, onTerm: keep}\n';
    let house = await fleet.server(yaml);
    const worker = await fleet.worker('w1', keeping);
    await until(() => existsSync(started), { within: 60_000, what: 'the job to begin' });
    const { jobId } = await house.runOf(sha, 'running');

    // Upgrade: the server first, then the worker in place.
    await house.program.end('SIGTERM');
    house = await fleet.server(yaml);
    assert.equal((await house.run(jobId)).summary.state, 'running');
    await worker.end('SIGTERM');
    await fleet.worker('w1', keeping);

    // A newer server would have copied the tables and changed them; what a migration does is proven beside it.
    await house.program.end('SIGTERM');
    const ledger = join(crew.stateDir, 'ledger.sqlite');
    const tables = new DatabaseSync(ledger);
    const row = tables.prepare(`SELECT version FROM schema_version WHERE room = 'ledger'`).get();
    const version = Number(row?.['version']);
    const copy = `${ledger}.before-ledger-${String(version + 1)}`;
    tables.prepare('VACUUM INTO ?').run(copy);
    tables.prepare(`UPDATE schema_version SET version = version + 1 WHERE room = 'ledger'`).run();
    tables.close();
    const refused = await crew.start(['server', '--port', '0']).ended;
    assert.equal(refused.code, 2, refused.err);
    const complaints = refused.err.split('\n').filter((line) => line.startsWith('groundcrew: '));
    assert.equal(complaints.length, 1, refused.err);
    assert.match(complaints[0] ?? '', /written by a newer groundcrew.*put back the copy .*before-ledger/);

    // Roll back, by the guide; the job ends while there is no server.
    writeFileSync(`${gate}-first`, '');
    for (const end of ['-wal', '-shm']) rmSync(`${ledger}${end}`, { force: true });
    renameSync(copy, ledger);
    house = await fleet.server(yaml);
    const { outcome, summary, log } = await house.ended(sha);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.equal(summary.attempts, 1, 'it is the same attempt');
    assert.match(log, /^over$/m);
    assert.deepEqual(readFileSync(started, 'utf8').trim().split('\n'), [sha], 'it was begun once');
  },
);

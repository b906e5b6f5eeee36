import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFleet } from '../../support/fleet.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

test(
  'a commit is tested by workers that share nothing with the server but broker and store',
  needs('git', 'linux', 'rabbitmq'),
  async (t) => {
    const fleet = await openFleet(t);
    const repo = fleet.crew.repo();
    const first = repo.commit({ 'test/run': { script: '#!/bin/sh\necho tested here\n' } });
    const house = await fleet.server(`projects: [{name: demo, path: ${repo.dir}}]\n`);
    const worker = await fleet.worker('w1');
    const { outcome, log, detail } = await house.ended(first);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.match(log, /^tested here$/m);
    assert.deepEqual(
      detail.attempts.map((attempt) => attempt.worker),
      ['w1'],
    );
    assert.ok(!existsSync(join(fleet.crew.root, 'state-w1', 'ledger.sqlite')), 'a worker opens no ledger');

    await worker.end('SIGKILL');
    await fleet.worker('w2');
    const second = repo.commit({ 'test/run': { script: '#!/bin/sh\nexit 1\n' } });
    const other = await house.ended(second);
    assert.equal(other.outcome.kind, 'failed');
    assert.deepEqual(
      other.detail.attempts.map((attempt) => attempt.worker),
      ['w2'],
    );
  },
);

test(
  'a second server on the same broker refuses in one line, whatever its state directory',
  needs('git', 'linux', 'rabbitmq'),
  async (t) => {
    const fleet = await openFleet(t);
    const repo = fleet.crew.repo();
    await fleet.server(`projects: [{name: demo, path: ${repo.dir}}]\n`);
    const second = await fleet.crew.start(['server', '--port', '0', '--state-dir', join(fleet.crew.root, 'other')])
      .ended;
    assert.equal(second.code, 2, second.err);
    const complaints = second.err.split('\n').filter((line) => line.startsWith('groundcrew: '));
    assert.match(complaints.join('\n'), /^groundcrew: another groundcrew server runs: .* virtual host .*$/);
  },
);

test(
  'server and worker find each other again when the broker was away',
  needs('git', 'linux', 'rabbitmq'),
  async (t) => {
    const fleet = await openFleet(t);
    const repo = fleet.crew.repo();
    repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
    const house = await fleet.server(`projects: [{name: demo, path: ${repo.dir}}]\n`);
    const worker = await fleet.worker('w1');
    await until(() => worker.err().includes('connected to the broker'), { within: 30_000 });
    await fleet.broker.stop();
    await until(() => worker.err().includes('lost the connection'), { within: 30_000 });
    const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\necho later\n' } });
    await fleet.broker.start();
    assert.deepEqual((await house.ended(sha)).outcome, { kind: 'passed' });
  },
);

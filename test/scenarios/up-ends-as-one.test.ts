import { strict as assert } from 'node:assert';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

const timeout = 60_000;

test('up ends with one sentence when its worker cannot work', { ...needs('git', 'linux'), timeout }, async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\ntrue\n' } });
  const { code, err } = await crew.cli('up', '--port', '0', '--executor', 'docker', repo.dir);
  assert.equal(code, 2);
  assert.match(err, /groundcrew: docker is not supported yet/);
  assert.equal(existsSync(join(crew.stateDir, 'server.json')), false);
});

test('up ends with one sentence when the port is taken', { ...needs('git', 'linux'), timeout }, async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\ntrue\n' } });
  const other = createServer();
  t.after(() => other.close());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const { code, err } = await crew.cli('up', '--port', String(port), '--executor', 'process', repo.dir);
  assert.equal(code, 3);
  assert.match(err, /groundcrew: cannot listen on .*: the port is in use/);
  assert.doesNotMatch(err, /^ +at /m);
});

test(
  'up leaves at once while a job runs, and the next one takes the job up',
  { ...needs('git', 'linux'), timeout },
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const go = join(crew.root, 'go');
    const script = `#!/bin/sh\necho begun\nwhile [ ! -e '${go}' ]; do sleep 0.1; done\necho done\n`;
    const house = await crew.up(repo.dir);
    const sha = repo.commit({ 'test/run': { script } });
    const { jobId } = await house.runOf(sha, 'running');
    await until(async () => (await house.log(jobId)).includes('begun'), { within: 20_000, what: 'the job to speak' });
    const { code } = await house.program.end('SIGINT');
    assert.equal(code, 130);
    const next = await crew.up(repo.dir);
    writeFileSync(go, '');
    const { detail, log, outcome } = await next.ended(sha);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.deepEqual(
      detail.attempts.map(({ n }) => n),
      [1],
    );
    assert.match(log, /^begun\n(?:\[groundcrew\].*\n)*done$/m);
  },
);

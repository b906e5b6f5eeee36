import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { readdirSync } from 'node:fs';
import { containersOf } from '../support/end-processes.ts';
import { until } from '../support/until.ts';
import { testImage, testImageName } from '../support/test-image.ts';

test(
  'in podman: the image of the change, no network needed, out of memory said, an unknown image is the failure of the change',
  needs('git', 'linux', 'podman'),
  async (t) => {
    await testImage();
    const crew = await openCrew(t);
    const repo = crew.repo();
    const script =
      '#!/bin/sh\nif [ -e /bin/busybox ] && ! [ -e /usr ]; then echo "in the container"; fi\necho kept >"$TEST_ATTACHMENTS/kept"\n';
    const sha = repo.commit({ 'test/run': { script }, '.groundcrew/container': `${testImageName}\n` });
    crew.configure(`projects: [{name: demo, path: ${repo.dir}}]\ndefaults: {network: none, limits: {memory: 64MiB}}\n`);
    const house = await crew.up('--executor', 'podman');
    const first = await house.ended(sha);
    assert.deepEqual(first.outcome, { kind: 'passed' }, first.log + house.program.err());
    assert.match(first.log, /^in the container$/m);
    assert.match(first.detail.attempts[0]?.imageDigest ?? '', /@sha256:[0-9a-f]{64}$/);

    // The test dies of it, not the container: with a container that goes at once a v1 group takes its count along, and the
    // answer is an honest "unknown".
    const hungry = {
      script:
        '#!/bin/sh\necho eating\nsh -c \'x=$(head -c 300000000 /dev/zero | tr "\\0" x); echo "survived ${#x}"\'\nstatus=$?\nsleep 2\nexit $status\n',
    };
    const oom = await house.ended(repo.commit({ 'test/run': hungry }));
    assert.equal(
      oom.outcome.kind === 'failed' && oom.outcome.reason,
      'out-of-memory',
      JSON.stringify(oom.outcome) + oom.log,
    );
    assert.match(oom.log.trimEnd().split('\n').at(-1) ?? '', /Stopped: used more memory than allowed/);

    const unknown = await house.ended(repo.commit({ '.groundcrew/container': 'localhost/no-such-image:1\n' }));
    assert.equal(
      unknown.outcome.kind === 'failed' && unknown.outcome.reason,
      'unknown-image',
      JSON.stringify(unknown.outcome) + unknown.log,
    );
    assert.equal(unknown.summary.attempts, 1);
  },
);

test('reproduce and run use the same container as the run did', needs('git', 'linux', 'podman'), async (t) => {
  await testImage();
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({
    'test/run': { script: '#!/bin/sh\necho "busybox $(busybox | head -n 1 | cut -d" " -f1)"\n' },
    '.groundcrew/container': `${testImageName}\n`,
  });
  const end = await crew.cli('run', repo.dir, '--executor', 'podman', '--network', 'none');
  assert.equal(end.code, 0, end.err + end.out);
  assert.match(end.out, /^busybox BusyBox$/m);
  assert.match(end.err, /image (.*@)?sha256:/);
});

test(
  'an interrupted run in podman leaves no container and no directory',
  needs('git', 'linux', 'podman'),
  async (t) => {
    await testImage();
    const crew = await openCrew(t);
    const repo = crew.repo();
    const script = '#!/bin/sh\ntrap "echo cleaning up; exit 0" TERM\necho running\nsleep 1000 & wait\n';
    repo.commit({ 'test/run': { script }, '.groundcrew/container': `${testImageName}\n` });
    const program = crew.start(['run', repo.dir, '--executor', 'podman', '--network', 'none']);
    await until(() => program.out().includes('running\n'), { within: 60_000, what: 'the job to run' });
    const end = await program.end('SIGINT');
    assert.equal(end.code, 130, end.err);
    assert.match(end.out, /^cleaning up$/m);
    assert.deepEqual(readdirSync(`${crew.stateDir}/worker`), []);
    assert.deepEqual(containersOf(crew.root), []);
  },
);

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { processesIn } from '../support/end-processes.ts';
import { until } from '../support/until.ts';

const here = ['--executor', 'process'] as const;

test(
  'run exits with 0, 1, 2, 3 or 130, for passed, failed, usage, machinery, interrupted',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    repo.commit({
      'test/run': {
        script:
          '#!/bin/sh\necho "to stdout"; echo "to stderr" >&2\necho x >"$TEST_ATTACHMENTS/x.txt"\nexit ${STATUS:-0}\n',
      },
    });

    const passed = await crew.cli('run', repo.dir, ...here, '--attachments', `${crew.root}/out`);
    assert.equal(passed.code, 0, passed.err);
    assert.match(passed.out, /^\[groundcrew\] testing [0-9a-f]{12} \(main\)\n/);
    assert.match(passed.out, /^to stdout\nto stderr\n/m);
    assert.match(passed.out, /\[groundcrew\] Passed( after \d+ s)?\n$/);
    assert.match(passed.err, /✓ Passed in \d+ s\n/);
    assert.equal(readFileSync(`${crew.root}/out/x.txt`, 'utf8'), 'x\n');
    assert.ok(existsSync(`${crew.root}/out/log`), 'the log is beside the attachments');

    const failed = await crew.cli('run', repo.dir, ...here, '--env', 'STATUS=7');
    assert.equal(failed.code, 1);
    assert.match(failed.err, /Tests failed \(exit status 7\)/);

    assert.equal((await crew.cli('run', `${crew.root}/nowhere`, ...here)).code, 2);
    assert.equal((await crew.cli('run', repo.dir, '--rev', 'no-such-branch', ...here)).code, 2);
    assert.equal((await crew.cli('run', repo.dir, '--executor', 'docker')).code, 2);

    const empty = crew.repo('empty');
    empty.commit({ README: '' });
    const nothing = await crew.cli('run', empty.dir, ...here);
    assert.equal(nothing.code, 1);
    assert.match(nothing.err, /Nothing to run: commit an executable \.groundcrew\/run/);

    // The objects of the commit are gone: no fault of the change.
    const broken = crew.repo('broken');
    broken.commit({ 'test/run': { script: '#!/bin/sh\n' } });
    for (const name of readdirSync(`${broken.dir}/.git/objects`)) {
      for (const file of /^[0-9a-f]{2}$/.test(name) ? readdirSync(`${broken.dir}/.git/objects/${name}`) : []) {
        const path = `${broken.dir}/.git/objects/${name}/${file}`;
        if (broken.git('rev-parse', 'HEAD') !== name + file) rmSync(path, { force: true });
      }
    }
    const machinery = await crew.cli('run', broken.dir, ...here);
    assert.equal(machinery.code, 3, machinery.err + machinery.out);
    assert.match(machinery.err, /Infrastructure: /);
  },
);

test('an interrupted run stops its job, says so and leaves nothing', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({
    'test/run': { script: '#!/bin/sh\ntrap "echo cleaning up; exit 0" TERM\necho running\nsleep 1000 & wait\n' },
  });
  const program = crew.start(['run', repo.dir, ...here]);
  await until(() => program.out().includes('running\n'), { what: 'the job to run' });
  const end = await program.end('SIGINT');
  assert.equal(end.code, 130);
  assert.match(end.out, /^cleaning up$/m);
  assert.match(end.err, /Canceled by /);
  assert.deepEqual(processesIn(crew.stateDir), []);
  assert.deepEqual(readdirSync(`${crew.stateDir}/worker`), []);
});

test('run --job takes a job file of job-runner', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ data: 'old\n' });
  repo.git('checkout', '-q', '-b', 'feature');
  const sha = repo.commit({ data: 'new\n' });
  repo.git('checkout', '-q', 'main');
  const job = {
    repo: repo.dir,
    sha,
    branch: 'feature',
    context: 'fedora-44/storage',
    command: ['sh', '-c', 'cat data; echo "$TEST_OS $TEST_SCENARIO $EXTRA"'],
    env: { EXTRA: 'more' },
    timeout: 5,
  };
  writeFileSync(`${crew.root}/job.json`, JSON.stringify(job));
  const end = await crew.cli('run', '--job', `${crew.root}/job.json`, ...here);
  assert.equal(end.code, 0, end.err);
  assert.match(end.out, /^new\nfedora-44 storage more$/m);

  writeFileSync(`${crew.root}/job.json`, JSON.stringify({ ...job, timeout: -1 }));
  const bad = await crew.cli('run', '--job', `${crew.root}/job.json`, ...here);
  assert.equal(bad.code, 2);
  assert.match(bad.err, /job\.json.*timeout/);
});

test(
  'reproduce repeats a finished run: same commit, same merge, same environment and limits',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const script =
      '#!/bin/sh\ngit rev-parse HEAD 2>/dev/null || true\ncat base.txt change.txt\necho "revision $TEST_REVISION pull $TEST_PULL pids $(ulimit -u)"\nexit 5\n';
    repo.commit({ 'test/run': { script }, 'base.txt': 'base\n' });
    repo.git('checkout', '-q', '--detach');
    const sha = repo.commit({ 'change.txt': 'change\n' });
    repo.git('update-ref', 'refs/pull/3/head', sha);
    repo.git('checkout', '-q', 'main');
    const base = repo.commit({ 'base.txt': 'newer base\n' });
    crew.configure(`projects: [{name: demo, path: ${repo.dir}, trustPulls: true}]\ndefaults: {limits: {pids: 500}}\n`);
    const house = await crew.up();
    const original = await house.ended(sha);
    assert.equal(original.outcome.kind, 'failed');
    // The base has moved on meanwhile: what was merged then is merged now.
    repo.commit({ 'base.txt': 'newest base\n' });
    const again = await crew.cli('reproduce', original.summary.jobId, ...here);
    assert.equal(again.code, 1, again.err);
    const jobs = (log: string): string[] => log.split('\n').filter((line) => !line.startsWith('[groundcrew]'));
    assert.deepEqual(jobs(again.out), jobs(original.log));
    assert.match(again.out, new RegExp(`merged onto ${base.slice(0, 12)}`));
    assert.deepEqual(
      (await house.runs()).map((run) => run.occasion),
      ['change', 'change', 'change'].slice(0, (await house.runs()).length),
      'nothing is reported to the server',
    );
  },
);

test('reproduce needs no configuration for a run of "up PATH", and no server', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\necho again\n' } });
  const house = await crew.up(repo.dir);
  const { summary } = await house.ended(sha);
  await house.program.end();
  const again = await crew.cli('reproduce', summary.jobId.slice(0, 8), ...here);
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /^again$/m);
});

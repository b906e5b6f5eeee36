import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { execFileSync } from 'node:child_process';
import { appendFileSync, renameSync, rmSync } from 'node:fs';

const pass = { 'test/run': { script: '#!/bin/sh\necho "branch is $TEST_BRANCH"\n' } };

test(
  'a branch may be called anything git allows: shell characters, spaces of Unicode, or very long',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    repo.commit(pass);
    const house = await crew.up(repo.dir);
    await house.ended(repo.git('rev-parse', 'main'));
    const names = [
      '$(touch${IFS}pwned);`id`|cat&&x',
      'it\'s-"quoted"-%s-{}',
      'ünïcödé-\u202e-rtl',
      `long/${'n'.repeat(200)}/${'m'.repeat(200)}/${'o'.repeat(200)}`,
    ];
    for (const name of names) {
      repo.git('checkout', '-q', '-b', name, 'main');
      const sha = repo.commit({ [`file-${String(names.indexOf(name))}`]: 'x' });
      const { outcome, summary } = await house.ended(sha);
      assert.deepEqual(outcome, { kind: 'passed' }, name);
      assert.equal(summary.branch, name);
      const page = await (await house.get(`/runs/${summary.jobId}`)).text();
      assert.ok(!page.includes('<x'), 'nothing of it is markup');
    }
    const listed = await crew.cli('runs');
    assert.equal(listed.code, 0);
    assert.ok(!listed.out.includes('\u202e'));
  },
);

test(
  'a branch of 10 kB, which only packed-refs can hold, and one that is no valid name, trouble nobody',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const first = repo.commit(pass);
    repo.git('pack-refs', '--all');
    appendFileSync(`${repo.dir}/.git/packed-refs`, `${first} refs/heads/x${'y'.repeat(10_000)}\n`);
    const house = await crew.up(repo.dir);
    const sha = repo.commit({ a: '1' });
    const { outcome } = await house.ended(sha);
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.match(house.program.err(), /a branch with a name that is not usable is ignored/);
    assert.equal((await house.get('/')).status, 200);
    assert.match(await (await house.get('/metrics')).text(), /^groundcrew_deliveries_parked 0$/m);
  },
);

test(
  'a repository that vanishes and comes back is watched again, and the others meanwhile',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const [one, two] = [crew.repo('one'), crew.repo('two')];
    one.commit(pass);
    two.commit(pass);
    crew.configure(
      `projects: [{name: one, path: ${one.dir}, poll: 200ms}, {name: two, path: ${two.dir}, poll: 200ms}]\n`,
    );
    const house = await crew.up();
    await house.ended(one.git('rev-parse', 'main'));
    renameSync(one.dir, `${one.dir}.away`);
    assert.deepEqual((await house.ended(two.commit({ a: '1' }))).outcome, { kind: 'passed' });
    renameSync(`${one.dir}.away`, one.dir);
    assert.deepEqual((await house.ended(one.commit({ a: '2' }))).outcome, { kind: 'passed' });
    rmSync(one.dir, { recursive: true });
    assert.deepEqual((await house.ended(two.commit({ a: '3' }))).outcome, { kind: 'passed' });
    assert.equal((await house.get('/healthz')).status, 200);
  },
);

test(
  'attachments: regular files only, whatever a job leaves; what is left out is said in the log',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const script = [
      '#!/bin/sh',
      'cd "$TEST_ATTACHMENTS" || exit 9',
      'echo good >good.txt',
      'mkdir -p sub/dir; echo deep >sub/dir/deep.txt',
      'mkfifo pipe',
      'ln -s / root; ln -s /etc/passwd passwd; ln -s ../../../../etc/passwd up',
      'printf x >"..%2f..%2fetc%2fpasswd"; printf x >"<script>alert(1)<script>.html"',
      'printf x >"$(printf "new\\nline")"',
      'printf x >log; mkdir log.chunks; printf x >run.json',
      'exit 1',
      '',
    ].join('\n');
    const sha = repo.commit({ 'test/run': { script } });
    const house = await crew.up(repo.dir);
    const { summary, detail, log } = await house.ended(sha);
    assert.deepEqual(summary.outcome, { kind: 'failed', exitCode: 1, reason: 'exit' });
    const kept = execFileSync('find', [
      `${crew.stateDir}/store/objects/${detail.attempts[0]?.storePrefix ?? ''}`,
      '-type',
      'f',
      '-printf',
      '%P\\n',
    ]).toString();
    assert.match(kept, /^good\.txt$/m);
    assert.match(kept, /^sub\/dir\/deep\.txt$/m);
    assert.doesNotMatch(kept, /^(pipe|root|passwd|up)$/m);
    assert.equal(execFileSync('find', [`${crew.stateDir}/store`, '-type', 'l']).toString(), '', 'no link is stored');
    assert.match(log, /^\[groundcrew\] attachments: 1 not saved: FIFOs, sockets or devices$/m);
    assert.match(log, /^\[groundcrew\] attachments: 3 not saved: symbolic links$/m);
    assert.match(log, /^\[groundcrew\] testing /, 'the log is ours, not the file of that name');
    const page = await (await house.get(`/runs/${summary.jobId}`)).text();
    assert.ok(!page.includes('<script>alert'));
  },
);

test(
  'secrets are redacted in the log, also in one line of 200 MB, and strangers get none',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const script =
      '#!/bin/sh\ncat "$SECRETS_DIR/deploy" 2>/dev/null || cat /run/secrets/deploy 2>/dev/null || env\nhead -c 200000000 /dev/zero | tr "\\0" x\nprintf "%s" "$TOKEN_VALUE"\n';
    crew.configure(
      [
        'projects:',
        `  - {name: demo, path: ${repo.dir}, checks: [{context: test, secrets: [deploy], env: {TOKEN_VALUE: hunter2-hunter2-hunter2}}]}`,
        'secrets: {deploy: {env: DEPLOY_TOKEN}}',
        '',
      ].join('\n'),
    );
    Object.assign(crew.env, { DEPLOY_TOKEN: 'hunter2-hunter2-hunter2' });
    const sha = repo.commit({ 'test/run': { script } });
    const house = await crew.up();
    const { outcome, detail } = await house.ended(sha);
    assert.deepEqual(outcome, { kind: 'passed' });
    const prefix = detail.attempts[0]?.storePrefix ?? '';
    const found = execFileSync('sh', [
      '-c',
      'grep -rlF hunter2 "$1" | wc -l',
      'sh',
      `${crew.stateDir}/store/objects/${prefix}/log`,
    ])
      .toString()
      .trim();
    assert.equal(found, '0');
    assert.ok((detail.attempts[0]?.logBytes ?? 0) > 200_000_000);
  },
);

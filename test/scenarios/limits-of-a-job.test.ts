import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

import { processesIn } from '../support/end-processes.ts';
import { until } from '../support/until.ts';

test(
  'what a job does to its limits is its own failure, with the reason as the last line',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
    crew.configure(
      [
        `projects: [{name: demo, path: ${repo.dir}}]`,
        'worker: {grace: 1s}',
        'logs: {flush: 100ms}',
        'defaults: {timeout: 20s, limits: {disk: 30MiB, log: 1MiB, pids: 200}}',
        '',
      ].join('\n'),
    );
    const house = await crew.up();

    await t.test('a job that prints more than it may is stopped, and the log has a marker', async () => {
      const { outcome, log, detail } = await house.ended(
        repo.commit({ 'test/run': { script: '#!/bin/sh\necho begin\nexec yes "much too much"\n' } }),
      );
      assert.equal(outcome.kind === 'failed' && outcome.reason, 'log-limit', JSON.stringify(outcome));
      assert.match(log, /^begin$/m);
      assert.match(log, /\[groundcrew\].*(truncated|limit|larger)/i);
      assert.match(log.trimEnd().split('\n').at(-1) ?? '', /Stopped: printed more than allowed/);
      assert.ok(log.length < 2 * 2 ** 20);
      assert.equal(detail.attempts[0]?.isLogTruncated, true);
    });

    await t.test('a job that fills the disk is stopped', async () => {
      const { outcome, log } = await house.ended(
        repo.commit({
          'test/run': { script: '#!/bin/sh\nwhile :; do head -c 5000000 /dev/zero >>big || exit 1; sleep 0.1; done\n' },
        }),
      );
      assert.equal(outcome.kind === 'failed' && outcome.reason, 'disk-limit', JSON.stringify(outcome));
      assert.match(log, /\[groundcrew\] stopping: the job takes \d+ MiB of disk, 30 MiB are allowed/);
      assert.match(log.trimEnd().split('\n').at(-1) ?? '', /Stopped: used more disk than allowed/);
    });

    await t.test('a job that forks for ever harms nobody else, and nothing of it is left', async () => {
      const sha = repo.commit({
        'test/run': {
          script: '#!/bin/sh\nbomb() { while :; do sleep 1000 & done; }\nbomb 2>/dev/null\necho no more\nexit 3\n',
        },
      });
      const { outcome } = await house.ended(sha);
      assert.ok(outcome.kind === 'failed' || outcome.kind === 'timed-out', JSON.stringify(outcome));
      await until(() => processesIn(`${crew.stateDir}/worker`).length === 0, { what: 'its processes to be gone' });
    });

    await t.test('a job that closes its output runs to its end', async () => {
      const { outcome, log } = await house.ended(
        repo.commit({
          'test/run': { script: '#!/bin/sh\necho before\nexec >&- 2>&- </dev/null\nsleep 0.3\nexit 4\n' },
        }),
      );
      assert.deepEqual(outcome, { kind: 'failed', exitCode: 4, reason: 'exit' });
      assert.match(log, /^before$/m);
    });
  },
);

test(
  'a time-out is announced in the log, then SIGTERM, then SIGKILL for who ignores it',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    crew.configure(
      `projects: [{name: demo, path: ${repo.dir}, checks: [{context: test, timeout: 2s}]}]\nworker: {grace: 1s}\n`,
    );
    const sha = repo.commit({
      'test/run': { script: '#!/bin/sh\ntrap "echo ignoring TERM" TERM\nwhile :; do sleep 0.1; done\n' },
    });
    const house = await crew.up();
    const { outcome, log, summary } = await house.ended(sha);
    assert.deepEqual(outcome, { kind: 'timed-out', afterMs: 2000 });
    const order = [
      'warning: the time-out of 2 s comes in',
      'time-out after 2 s: SIGTERM now, SIGKILL in 1 s',
      'ignoring TERM',
      'Timed out after 2 s',
    ];
    const at = order.map((words) => log.indexOf(words));
    assert.ok(
      at.every((place, index) => place >= 0 && place > (at[index - 1] ?? -1)),
      log,
    );
    const tookMs = (summary.endedAt ?? 0) - (summary.startedAt ?? 0);
    assert.ok(tookMs > 2_500 && tookMs < 15_000, String(tookMs));
    assert.equal(summary.attempts, 1, 'a time-out is not tried again');
  },
);

/** A job that does nothing, in podman: `groundcrew run` and a running `up`, against git and podman by hand. */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { RunSummary } from '../src/ledger/ledger-reader.ts';
import { rememberedSettings } from '../src/executors/podman/settings.ts';
import { openCrew } from '../test/support/crew.ts';
import { has } from '../test/support/needs.ts';
import { podmanCacheDir, podmanEnv, testImage } from '../test/support/test-image.ts';
import { benchPart, eventually, interleaved, milliseconds, took } from './measure.ts';

const exec = promisify(execFile);
const program = join(import.meta.dirname, '../bin/groundcrew');

await benchPart(async (context) => {
  const names = ['`groundcrew run` of a no-op, podman', 'a no-op through a running `up`, podman'];
  const targets = ['by hand + 250 ms', 'by hand + 120 ms'];
  if (!has('podman')) {
    return names.map((what, i) => ({
      what,
      target: targets[i] ?? '',
      measured: 'no podman here',
      baseline: '',
      isReached: null,
    }));
  }
  const image = await testImage();
  const settings = await rememberedSettings(podmanCacheDir(), podmanEnv()['PATH'] ?? '');
  const crew = await openCrew(context);
  const repo = crew.repo();
  const sha = repo.commit({ '.groundcrew/run': { script: '#!/bin/sh\n' }, '.groundcrew/container': `${image}\n` });
  const rounds = context.isSmoke ? 1 : 11;
  // As `up PATH` names it.
  const name = basename(repo.dir);
  let made = 0;

  const byHand = async (): Promise<number> => {
    made += 1;
    const dir = join(crew.root, `by-hand-${String(made)}`);
    const ms = await took(async () => {
      await exec('git', ['worktree', 'add', '-q', '--detach', dir, 'HEAD'], { cwd: repo.dir });
      const place = ['-v', `${dir}:/var/tmp/checkout`, '-w', '/var/tmp/checkout', '--security-opt=label=disable'];
      const flags = [...(settings?.globalFlags ?? []), 'run', '--rm', '--init', '--pids-limit=16384', '--shm-size=1g'];
      const words = [...flags, ...(settings?.runFlags ?? []), ...place, image, '.groundcrew/run'];
      await exec('podman', ['--log-level=error', ...words], { env: podmanEnv() });
    });
    repo.git('worktree', 'remove', '--force', dir);
    return ms;
  };

  // The first run tries out podman's settings and makes the mirror.
  const once = (): Promise<unknown> =>
    exec(program, ['run', '--executor', 'podman', repo.dir], { env: crew.env, cwd: crew.root });
  await once();
  await byHand();
  const alone = await interleaved(rounds, { byHand, ours: () => took(once) });

  rmSync(crew.stateDir, { recursive: true, force: true });
  const house = await crew.up('--executor', 'podman', repo.dir);
  await house.ended(sha);
  const newest = async (): Promise<RunSummary | undefined> =>
    ((await (await house.get('/api/runs?limit=1')).json()) as { readonly runs: readonly RunSummary[] }).runs[0];
  const served = await interleaved(rounds, {
    byHand,
    async ours() {
      const before = (await newest())?.jobId;
      return took(async () => {
        const { status, body } = await house.ask({ kind: 'test', repo: name, changeKey: `git|${name}|branch/main` });
        if (status !== 202) throw new Error(JSON.stringify(body));
        await eventually(15, async () => {
          const run = await newest();
          return run !== undefined && run.jobId !== before && run.state === 'ended' ? run : null;
        });
      });
    },
  });
  return [alone, served].map(({ ours, byHand: hand, extra }, i) => ({
    what: names[i] ?? '',
    target: targets[i] ?? '',
    measured: `${milliseconds(ours)} (+ ${milliseconds(extra)})`,
    baseline: `${milliseconds(hand)}: git worktree add, podman run --rm`,
    isReached: extra <= (i === 0 ? 250 : 120),
  }));
});

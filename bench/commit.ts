/** From the moment a branch moves to the first byte of its job, in the process executor; against git and sh by hand. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openCrew } from '../test/support/crew.ts';
import { benchPart, interleaved, milliseconds } from './measure.ts';

await benchPart(async (context) => {
  const crew = await openCrew(context);
  const repo = crew.repo();
  // The job says when it wrote its first byte; both clocks are this machine's.
  repo.commit({ '.groundcrew/run': { script: '#!/bin/sh\nexec date +%s%N\n' }, 'README.md': 'a project\n' });
  const house = await crew.up(repo.dir);
  const hook = await crew.cli('hook', 'install', repo.dir);
  if (hook.code !== 0) throw new Error(hook.err);
  await house.ended(repo.git('rev-parse', 'HEAD'));

  const { ours, byHand, extra } = await interleaved(context.isSmoke ? 2 : 21, {
    async ours(round) {
      const sha = repo.commit({ 'file.txt': `${String(round)}\n` });
      const movedAtMs = statSync(join(repo.dir, '.git/refs/heads/main'), { bigint: true }).mtimeNs;
      // Nobody asks the server anything until it is over.
      await pause(context.isSmoke ? 500 : 1_500);
      const { log } = await house.ended(sha);
      const saidAt = /^\d{19}$/m.exec(log)?.[0];
      if (saidAt === undefined) throw new Error(`the job said no time: ${log}`);
      return Number(BigInt(saidAt) - movedAtMs) / 1e6;
    },
    async byHand(round) {
      const dir = join(crew.root, `by-hand-${String(round)}`);
      const began = performance.now();
      await once(spawn('git', ['worktree', 'add', '-q', '--detach', dir, 'HEAD'], { cwd: repo.dir }), 'exit');
      const job = spawn(join(dir, '.groundcrew/run'), { cwd: dir, stdio: ['ignore', 'pipe', 'ignore'] });
      await once(job.stdout, 'data');
      const ms = performance.now() - began;
      repo.git('worktree', 'remove', '--force', dir);
      return ms;
    },
  });
  return [
    {
      what: 'commit → first byte of its job, `process`',
      target: 'by hand + 150 ms',
      measured: `${milliseconds(ours)} (+ ${milliseconds(extra)})`,
      baseline: `${milliseconds(byHand)}: git worktree add, run`,
      isReached: extra <= 150,
    },
  ];
});

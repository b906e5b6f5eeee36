import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkerSeen } from '../src/ledger/ledger-reader.ts';
import { openCrew } from '../test/support/crew.ts';
import { until } from '../test/support/until.ts';
import { benchPart } from './measure.ts';

// A worker process with four running jobs that print a line a second: its memory, and its processor time beside theirs.
// Issue 4 asks for less than 150 MB and less than 2 % of a CPU.
const jobs = 4;

await benchPart(async (context) => {
  const crew = await openCrew(context);
  const repo = crew.repo();
  const script = `#!/bin/sh\nwhile ! [ -e "${crew.root}/stop" ]; do date; sleep 1; done\n`;
  const checks = Array.from({ length: jobs }, (_, n) => `{context: t${String(n)}}`).join(', ');
  crew.configure(`projects: [{name: demo, path: ${repo.dir}, checks: [${checks}]}]\nworker: {executor: process}\n`);
  await crew.server();
  const worker = crew.start(['worker', '--name', 'one', '--slots', String(jobs)]);
  repo.commit({ 'test/run': { script } });
  const running = async (): Promise<boolean> =>
    (JSON.parse((await crew.cli('workers', '--json')).out) as readonly WorkerSeen[])[0]?.running === jobs;
  await until(running, { within: 60_000, what: 'four running jobs' });
  const ticks = (): number => {
    const fields =
      readFileSync(`/proc/${String(worker.pid)}/stat`, 'latin1')
        .split(') ')[1]
        ?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const kib = (name: string): number =>
    Number(
      new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${String(worker.pid)}/status`, 'latin1'))?.[1],
    );
  const watchMs = context.isSmoke ? 1_000 : 20_000;
  await pause(3_000);
  const before = ticks();
  await pause(watchMs);
  // A tick is 10 ms wherever Linux has been compiled as usual (USER_HZ).
  const cpuPercent = ((ticks() - before) * 10 * 100) / watchMs;
  const [rssMb, peakMb] = [kib('VmRSS') / 1024, kib('VmHWM') / 1024];
  writeFileSync(`${crew.root}/stop`, '');
  const what = `a worker with ${String(jobs)} running jobs`;
  const baseline = `peak ${peakMb.toFixed(0)} MB`;
  return [
    {
      what: `${what}: memory`,
      target: '< 150 MB',
      measured: `${rssMb.toFixed(0)} MB`,
      baseline,
      isReached: rssMb < 150,
    },
    {
      what: `${what}: processor, without the jobs`,
      target: '< 2 %',
      measured: `${cpuPercent.toFixed(1)} %`,
      baseline: '',
      isReached: cpuPercent < 2,
    },
  ];
});

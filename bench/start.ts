/** Starting, and doing nothing: `--version`, `up` until it is ready, what an idle `up` takes. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openCrew, type Crew } from '../test/support/crew.ts';
import { until } from '../test/support/until.ts';
import { benchPart, interleaved, median, milliseconds, took } from './measure.ts';

const run = promisify(execFile);
const program = join(import.meta.dirname, '../bin/groundcrew');
/** Unit of the CPU times in `/proc/PID/stat`: USER_HZ, 100 on every Linux that Node runs on. */
const tickMs = 10;

await benchPart(async (context) => {
  const crew = await openCrew(context);
  const repo = crew.repo();
  repo.commit({ '.groundcrew/run': { script: '#!/bin/sh\n' } });
  const rounds = context.isSmoke ? 2 : 15;

  await run(program, ['--version'], { env: crew.env });
  const version = await interleaved(rounds, {
    ours: () => took(() => run(program, ['--version'], { env: crew.env })),
    byHand: () => took(() => run(process.execPath, ['-e', '0'], { env: crew.env })),
  });

  const first = await startUp(crew, repo.dir);
  await end(first.child);
  const starts: number[] = [];
  for (let round = 0; round < (context.isSmoke ? 1 : 7); round += 1) {
    const { child, readyMs } = await startUp(crew, repo.dir);
    starts.push(readyMs);
    await end(child);
  }

  const { child } = await startUp(crew, repo.dir);
  const pid = child.pid ?? 0;
  const idleMs = context.isSmoke ? 3_000 : 60_000;
  // What the start left to do, the first look at the repository among it, is no idling.
  await pause(context.isSmoke ? 500 : 10_000);
  const before = cpuMs(pid);
  await pause(idleMs);
  const cpuPercent = (100 * (cpuMs(pid) - before)) / idleMs;
  const rssMb = memoryBytes(pid) / 1e6;
  await end(child);

  const ready = median(starts);
  return [
    {
      what: '`--version`',
      target: '≤ 150 ms',
      measured: milliseconds(version.ours),
      baseline: `${milliseconds(version.byHand)}: node that does nothing`,
      isReached: version.ours <= 150,
    },
    {
      what: '`up` until ready, second start',
      target: '≤ 1 s',
      measured: milliseconds(ready),
      baseline: `${milliseconds(version.byHand)}: node that does nothing`,
      isReached: ready <= 1000,
    },
    {
      what: 'idle `up`: memory',
      target: '< 120 MB',
      measured: `${rssMb.toFixed(0)} MB`,
      baseline: '',
      isReached: rssMb < 120,
    },
    {
      what: `idle \`up\`: CPU over ${String(idleMs / 1000)} s`,
      target: '< 0.5 %',
      measured: `${cpuPercent.toFixed(2)} %`,
      baseline: '',
      isReached: cpuPercent < 0.5,
    },
  ];
});

async function startUp(crew: Crew, dir: string): Promise<{ child: ChildProcess; readyMs: number }> {
  const began = performance.now();
  const child = spawn(program, ['up', '--port', '0', '--executor', 'process', dir], { env: crew.env, stdio: 'ignore' });
  await until(
    async () => {
      const { url, pid } = JSON.parse(readFileSync(join(crew.stateDir, 'server.json'), 'utf8')) as {
        url: string;
        pid: number;
      };
      return pid === child.pid && (await fetch(`${url}/readyz`)).ok;
    },
    { within: 30_000, what: '`up` to be ready' },
  );
  return { child, readyMs: performance.now() - began };
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** User and system time: fields 14 and 15, counted behind the name, which may hold anything. */
function cpuMs(pid: number): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
      .split(') ')
      .at(-1)
      ?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

function memoryBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'latin1'))?.[1]) * 1024;
}

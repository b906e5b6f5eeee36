import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { WorkerSeen } from '../src/ledger/ledger-reader.ts';
import { bucketConfig, bucketKeys } from '../test/support/bucket-config.ts';
import { openCrew, type Crew, type Program } from '../test/support/crew.ts';
import { openFakeS3 } from '../test/support/fake-s3.ts';
import { openFleet } from '../test/support/fleet.ts';
import { has } from '../test/support/needs.ts';
import { until } from '../test/support/until.ts';
import { benchPart, type Row } from './measure.ts';

// A worker process with four running jobs that print a line a second: its memory, and its processor time beside theirs, once
// on the server's machine, once on one of its own with a broker between and a store that it is granted.
// Issue 4 asks for less than 150 MB and less than 2 % of a CPU.
const jobs = 4;

interface Place {
  readonly crew: Crew;
  /** Starts the server with these projects. */
  readonly server: (projects: string) => Promise<unknown>;
  readonly worker: () => Promise<Program>;
}

await benchPart(async (context) => {
  const watchMs = context.isSmoke ? 1_000 : 20_000;

  const weigh = async (where: string, { crew, server, worker: start }: Place): Promise<readonly Row[]> => {
    const repo = crew.repo();
    const stop = `${crew.root}/stop`;
    const checks = Array.from({ length: jobs }, (_, n) => `{context: t${String(n)}}`).join(', ');
    await server(`projects: [{name: demo, path: ${repo.dir}, checks: [${checks}]}]\n`);
    const worker = await start();
    repo.commit({ 'test/run': { script: `#!/bin/sh\nwhile ! [ -e "${stop}" ]; do date; sleep 1; done\n` } });
    const running = async (): Promise<boolean> =>
      (JSON.parse((await crew.cli('workers', '--json')).out) as readonly WorkerSeen[])[0]?.running === jobs;
    await until(running, { within: 60_000, what: 'four running jobs' });
    await pause(context.isSmoke ? 0 : 5_000);
    const before = ticksOf(worker);
    await pause(watchMs);
    // A tick is 10 ms wherever Linux has been compiled as usual (USER_HZ).
    const cpuPercent = ((ticksOf(worker) - before) * 10 * 100) / watchMs;
    const [rssMb, peakMb] = [mebibytesOf(worker, 'VmRSS'), mebibytesOf(worker, 'VmHWM')];
    writeFileSync(stop, '');
    await worker.end();
    rmSync(stop);
    const what = `a worker with ${String(jobs)} running jobs${where}`;
    return [
      {
        what: `${what}: memory`,
        target: '< 150 MB',
        measured: `${rssMb.toFixed(0)} MB`,
        baseline: `peak ${peakMb.toFixed(0)} MB`,
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
  };

  const crew = await openCrew(context);
  const here = await weigh(' on the server’s machine', {
    crew,
    server: (projects) => {
      crew.configure(`${projects}worker: {executor: process}\n`);
      return crew.server();
    },
    worker: () => Promise.resolve(crew.start(['worker', '--name', 'one', '--slots', String(jobs)])),
  });
  if (!has('rabbitmq')) return here;
  const bucket = await openFakeS3(context);
  const fleet = await openFleet(context, { store: bucketConfig(bucket), workerStore: '' });
  Object.assign(fleet.crew.env, bucketKeys(bucket));
  const away = await weigh(' over RabbitMQ, store granted', {
    crew: fleet.crew,
    server: (projects) => fleet.server(projects),
    worker: () => fleet.worker('one', `worker: {executor: process, slots: ${String(jobs)}}\n`),
  });
  return [...here, ...away];
});

/** Processor time of the process so far, without its children's. */
function ticksOf({ pid }: Program): number {
  const fields =
    readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
      .split(') ')[1]
      ?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

function mebibytesOf({ pid }: Program, name: string): number {
  const text = readFileSync(`/proc/${String(pid)}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]) / 1024;
}

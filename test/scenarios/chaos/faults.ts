import { closeSync, openSync, readdirSync, readFileSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { processesIn } from '../kill/victims.ts';
import type { House, LineTo, WorkerPart } from './house.ts';
import { noteIn, type Part } from './part.ts';
import type { FaultKind, PlannedFault } from './plan.ts';

/** A fault whose effect was seen. Times are epoch ms; `endedAt`: all is as before, as far as we can do that. */
export interface Hit {
  readonly kind: FaultKind;
  readonly target: string;
  readonly beganAt: number;
  readonly endedAt: number;
  /** What shows that it hit. */
  readonly seen: string;
}

/** Does it, now, and undoes it after its time. Null: nobody was there to be hit, or nobody noticed. */
export async function strike(house: House, fault: PlannedFault): Promise<Hit | null> {
  const beganAt = Date.now();
  const outcome = await deeds[fault.kind](house, fault);
  return outcome === null ? null : { kind: fault.kind, beganAt, endedAt: Date.now(), ...outcome };
}

type Outcome = Pick<Hit, 'target' | 'seen'> | null;
type Deed = (house: House, fault: PlannedFault) => Promise<Outcome>;

const deeds: Readonly<Record<FaultKind, Deed>> = {
  'kill-worker': (house, fault) => killed(house, chosen(house.workers, fault), fault, jobsOf),
  'kill-machine': async (house, fault) => {
    // Between two commands of a job nobody but the worker would have to die.
    const worker = chosen(
      house.workers.filter(({ stateDir }) => processesIn(stateDir).length > 0),
      fault,
    );
    let count = 0;
    const outcome = await killed(house, worker, fault, (one) => {
      // Each is stopped before any is killed, or a guard would write down how its job ended; and again, for what they made.
      for (let pids = processesIn(one.stateDir); pids.length > 0; pids = processesIn(one.stateDir)) {
        for (const name of ['SIGSTOP', 'SIGKILL'] as const) for (const pid of pids) signal(pid, name);
        count += pids.length;
      }
      return jobsOf(one);
    });
    return outcome === null || count === 0 ? null : { ...outcome, seen: `${outcome.seen}, ${String(count)} processes` };
  },
  'kill-server': (house, fault) => killed(house, house.server, fault, () => 'it ran'),
  'kill-broker': (house, fault) =>
    killed(house, house.broker, fault, () => `${String(openTo(house, / to the broker$/))} connections`),
  'kill-s3': async (house, fault) => {
    const [line] = house.lines.filter(({ name }) => name === 'all to S3');
    const [before, open] = [line?.proxy.counts.refused ?? 0, line?.proxy.open ?? 0];
    const outcome = await killed(
      house,
      house.s3,
      fault,
      () => `${String(open)} connections`,
      async () => {
        // Nobody has to need it just then.
        await within(4_000, () => open > 0 || (line?.proxy.counts.refused ?? 0) > before);
      },
    );
    const refused = (line?.proxy.counts.refused ?? 0) - before;
    return outcome === null || open + refused === 0
      ? null
      : { ...outcome, seen: `${outcome.seen}, ${String(refused)} refused` };
  },
  'pause-worker': (house, fault) => paused(house, chosen(house.workers, fault), fault, jobsOf),
  'pause-server': (house, fault) => paused(house, house.server, fault, () => 'stood still'),
  'pause-broker': (house, fault) => paused(house, house.broker, fault, () => 'stood still', / to the broker$/),
  'pause-s3': (house, fault) => paused(house, house.s3, fault, () => 'stood still', /^all to S3$/),
  cut: async (house, fault) => {
    const line = chosenLine(house, fault);
    const count = line?.proxy.cut() ?? 0;
    await Promise.resolve();
    return line === null || count === 0 ? null : { target: line.name, seen: `${String(count)} connections` };
  },
  'black-hole': (house, fault) =>
    onLine(house, fault, async ({ name, proxy }) => {
      const { counts } = proxy;
      const before = counts.swallowedBytes;
      const connections = proxy.blackHole();
      if (connections === 0) return null;
      // Whoever has something to say says it within a heartbeat or two.
      await within(25_000, () => counts.swallowedBytes > before);
      const swallowed = counts.swallowedBytes - before;
      if (swallowed === 0) return null;
      return { target: name, seen: `${String(connections)} connections, ${String(swallowed)} bytes` };
    }),
  partition: (house, fault) =>
    onLine(house, fault, async ({ name, proxy }) => {
      const { counts } = proxy;
      const before = counts.heldBytes;
      proxy.hold();
      try {
        await pause(fault.forMs);
        await within(12_000, () => counts.heldBytes > before);
      } finally {
        proxy.release();
      }
      const held = counts.heldBytes - before;
      return held === 0 ? null : { target: name, seen: `${String(held)} bytes` };
    }),
  latency: (house, fault) =>
    onLine(house, fault, async ({ name, proxy }) => {
      const { counts } = proxy;
      const before = counts.lateBytes;
      const latencyMs = 200 + (fault.forMs % 1_000);
      proxy.latencyMs = latencyMs;
      try {
        await pause(fault.forMs);
        await within(12_000, () => counts.lateBytes > before);
      } finally {
        proxy.latencyMs = 0;
      }
      const late = counts.lateBytes - before;
      return late === 0 ? null : { target: name, seen: `${String(late)} bytes by ${String(latencyMs)} ms` };
    }),
  'disk-full': async (house, fault) => {
    const worker = chosen(house.workers, fault);
    if (worker === null) return null;
    worker.isTaken = true;
    const ballast = join(worker.stateDir, 'ballast');
    const logFile = join(house.dir, `${worker.name}.log`);
    const before = readFileSync(logFile).length;
    noteIn(house.dir, worker.name, 'disk full');
    const complaint = (): string | null =>
      /^.*(?:takes no jobs|ENOSPC|no space|disk is full).*$/im.exec(
        readFileSync(logFile).subarray(before).toString(),
      )?.[0] ?? null;
    try {
      fill(ballast);
      await pause(fault.forMs);
      await within(20_000, () => complaint() !== null);
    } finally {
      rmSync(ballast, { force: true });
      worker.isTaken = false;
      noteIn(house.dir, worker.name, 'room again');
    }
    const said = complaint();
    return said === null ? null : { target: worker.name, seen: said.slice(0, 160) };
  },
  's3-503': async (house, fault) => {
    if (house.s3.state !== 'up' || house.s3.isTaken) return null;
    const share = 0.5 + fault.dice / 2;
    // Killed or stopped it would refuse nobody, and another of these would count anew.
    house.s3.isTaken = true;
    try {
      const ask = house.askS3();
      await ask('refuse', { forMs: fault.forMs + 8_000, share });
      await pause(fault.forMs);
      await within(8_000, async () => (await ask('refused', null)) > 0);
      const refused = await ask('refused', null);
      await ask('refuse', { forMs: 0, share: 0 });
      return refused === 0 ? null : { target: 's3', seen: `${String(refused)} requests` };
    } catch {
      // It is not quite there.
      return null;
    } finally {
      house.s3.isTaken = false;
    }
  },
  'github-5xx': async ({ github }, fault) => {
    const number = await github(
      'goWrong',
      fault.dice < 0.5 ? { does: 'answer', status: 502 } : { does: 'drop', when: 'after', times: 6 },
    );
    await pause(fault.forMs);
    await within(10_000, async () => (await github('hits', number)) > 0);
    const hits = await github('lift', number);
    const what = fault.dice < 0.5 ? 'answered with 502' : 'done and cut';
    return hits === 0 ? null : { target: 'github', seen: `${String(hits)} requests ${what}` };
  },
  'github-lost': async ({ github }, fault) => {
    const number = await github('goWrong', { does: 'lose-delivery', isLogged: fault.dice < 0.5, times: 4 });
    await pause(fault.forMs);
    await within(10_000, async () => (await github('hits', number)) > 0);
    const hits = await github('lift', number);
    const where = fault.dice < 0.5 ? 'in its log' : 'without a trace';
    return hits === 0 ? null : { target: 'github', seen: `${String(hits)} deliveries ${where}` };
  },
};

async function killed<P extends Part>(
  house: House,
  part: P | null,
  fault: PlannedFault,
  // What it had, and what else is killed with it.
  more: (part: P) => string,
  beforeStart: () => Promise<void> = () => Promise.resolve(),
): Promise<Outcome> {
  if (part?.state !== 'up' || part.isTaken) return null;
  part.isTaken = true;
  try {
    const ranForMs = Date.now() - part.startedAt;
    noteIn(house.dir, part.name, 'killed');
    const killing = part.kill();
    const had = more(part);
    await killing;
    await pause(fault.forMs);
    await beforeStart();
    noteIn(house.dir, part.name, 'started');
    await part.start();
    return { target: part.name, seen: `${had}, after ${(ranForMs / 1000).toFixed(1)} s` };
  } finally {
    part.isTaken = false;
  }
}

async function paused<P extends Part>(
  house: House,
  part: P | null,
  fault: PlannedFault,
  had: (part: P) => string,
  noticedOn: RegExp | null = null,
): Promise<Outcome> {
  if (part?.state !== 'up' || part.isTaken) return null;
  part.isTaken = true;
  try {
    const before = bytesOn(house, noticedOn);
    noteIn(house.dir, part.name, 'paused');
    if (!(await part.pause())) return null;
    await pause(fault.forMs);
    if (noticedOn !== null) await within(8_000, () => bytesOn(house, noticedOn) > before);
    const bytes = bytesOn(house, noticedOn) - before;
    if (noticedOn !== null && bytes === 0) return null;
    const waited = noticedOn === null ? '' : `, ${String(bytes)} bytes came meanwhile`;
    return { target: part.name, seen: `${had(part)} for ${String(fault.forMs)} ms${waited}` };
  } finally {
    part.resume();
    part.isTaken = false;
    noteIn(house.dir, part.name, 'goes on');
  }
}

/** A worker that runs, that no fault is at work on, and that has a job. */
function chosen(workers: readonly WorkerPart[], { dice }: PlannedFault): WorkerPart | null {
  const free = workers.filter((one) => one.state === 'up' && !one.isTaken && heldBy(one) > 0);
  return free[Math.floor(dice * free.length)] ?? null;
}

/** The lines to S3 and GitHub are each everybody's; those to the broker are each one's. */
function chosenLine({ lines }: House, { dice }: PlannedFault): LineTo | null {
  const shared = lines.filter(({ name }) => name.startsWith('all '));
  const own = lines.filter(({ name }) => !name.startsWith('all '));
  const [group, within_] = dice < 0.4 ? [shared, dice / 0.4] : [own, (dice - 0.4) / 0.6];
  return group[Math.floor(within_ * group.length)] ?? null;
}

const taken = new WeakSet<LineTo>();

/** Does it to a line that no other fault is at work on: what was swallowed, held or late counts for one of them. */
async function onLine(house: House, fault: PlannedFault, deed: (line: LineTo) => Promise<Outcome>): Promise<Outcome> {
  const line = chosenLine(house, fault);
  if (line === null || taken.has(line)) return null;
  taken.add(line);
  try {
    return await deed(line);
  } finally {
    taken.delete(line);
  }
}

/** How many attempts it has on its disk. */
function heldBy({ stateDir, name }: WorkerPart): number {
  try {
    return readdirSync(join(stateDir, 'worker', name, 'attempts')).filter((one) => /^[0-9a-f]{16}$/.test(one)).length;
  } catch {
    // It has not begun yet.
    return 0;
  }
}

const jobsOf = (worker: WorkerPart): string => `it had ${String(heldBy(worker))} jobs`;

const openTo = ({ lines }: House, name: RegExp): number =>
  lines.filter((line) => name.test(line.name)).reduce((sum, { proxy }) => sum + proxy.open, 0);

const bytesOn = ({ lines }: House, name: RegExp | null): number =>
  lines.filter((line) => name?.test(line.name)).reduce((sum, { proxy }) => sum + proxy.counts.bytes, 0);

/** Writes until nothing is left, also for the small. */
function fill(file: string): void {
  const handle = openSync(file, 'w');
  try {
    for (const size of [65_536, 4096, 1]) {
      const bytes = Buffer.alloc(size);
      try {
        for (;;) writeSync(handle, bytes);
      } catch {
        // Full, by this size.
      }
    }
  } finally {
    closeSync(handle);
  }
  if (statfsSync(file).bavail > 0) throw new Error('the disk of a worker could not be filled');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself.
  }
}

async function within(ms: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + ms;
  while (performance.now() < until && !(await isSo())) await pause(50);
}

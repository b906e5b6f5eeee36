import { closeSync, openSync } from 'node:fs';
import { createConnection } from 'node:net';
import { arch, availableParallelism, hostname, totalmem } from 'node:os';
import type { WorkerSettings } from '../config/settings.ts';
import type { WorkerOffer } from '../core/worker-message.ts';

/** What a job takes that says nothing about itself: half the machine's tests boot a VM or two of 1 GiB. */
const bytesPerSlot = 2 * 2 ** 30;
const cpusPerSlot = 2;
const reachTimeoutMs = 3_000;

/** Node's names of processors are those of container images, but for two. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** The machine as this process may use it: a container's limit counts, not the host's memory. */
export interface Machine {
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** The machine that we run on. */
export function thisMachine(): Machine {
  const limit = process.constrainedMemory();
  return { cpus: availableParallelism(), memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem() };
}

/** Jobs at once: as configured, else one for each two CPUs and each 2 GiB of memory, whichever are fewer; at least one. */
export function slotsOf(settings: Pick<WorkerSettings, 'slots'>, { cpus, memoryBytes }: Machine): number {
  return settings.slots ?? Math.max(1, Math.floor(Math.min(cpus / cpusPerSlot, memoryBytes / bytesPerSlot)));
}

/** What this machine can do, by trying: /dev/kvm, its processor, and the hosts that it is to reach. */
export async function offerOf(settings: WorkerSettings, version: string): Promise<WorkerOffer> {
  const machine = thisMachine();
  const reached = await Promise.all(settings.reach.map(async (place) => ((await canReach(place)) ? [place] : [])));
  const capabilities = new Set([
    ...(hasKvm() ? ['kvm'] : []),
    `arch:${architectures[arch()] ?? arch()}`,
    ...reached.flat().map((place) => `reach:${place.replace(/:\d+$/, '')}`),
    ...settings.labels,
  ]);
  return {
    pool: settings.pool,
    capabilities: [...capabilities],
    slots: slotsOf(settings, machine),
    hostname: hostname(),
    version,
    arch: architectures[arch()] ?? arch(),
    ...machine,
  };
}

/** Opening it is the least that must work; whether machines boot in it only a boot can tell. */
function hasKvm(): boolean {
  try {
    closeSync(openSync('/dev/kvm', 'r+'));
    return true;
  } catch {
    return false;
  }
}

/** Whether a connection is taken there: name, route, firewall. Nothing is said over it. */
function canReach(place: string): Promise<boolean> {
  const [host = '', port = '443'] = place.split(':');
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: Number(port), timeout: reachTimeoutMs });
    const end = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', end(true)).once('timeout', end(false)).once('error', end(false));
  });
}

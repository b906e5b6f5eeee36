import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readSmallFile } from '../base/small-file.ts';
import type { Limits } from '../core/job.ts';

/**
 * Where a process sits in the control groups of this machine. Controllers of version 1 each have a hierarchy of their
 * own, version 2 has one for all, and a hybrid host has both. Paths are directories under the mount points.
 */
export interface CgroupPlaces {
  readonly v1: Readonly<Record<string, string>>;
  readonly v2: string | null;
}

/** What the kernel counted about memory; null where it could not be read. */
export interface MemoryEvidence {
  readonly oomKills: number | null;
  readonly peakBytes: number | null;
}

/** Control groups made for one run. */
export interface MadeCgroups {
  /** Directories whose `cgroup.procs` the job must enter. */
  readonly dirs: readonly string[];
  /** The one that counts memory, if any. */
  readonly memoryDir: string | null;
  /** Which of the limits the kernel now keeps. */
  readonly kept: readonly ('memory' | 'pids' | 'cpus')[];
}

/** Reads /proc/PID/cgroup (`self` by default) and the mounts; see cgroups(7). `procDir` is for tests. */
export async function cgroupPlaces(pid: number | 'self' = 'self', procDir = '/proc'): Promise<CgroupPlaces> {
  let groups: string;
  let mounts: string;
  try {
    groups = await readFile(join(procDir, String(pid), 'cgroup'), 'utf8');
    mounts = await readFile(join(procDir, 'self', 'mountinfo'), 'utf8');
  } catch {
    return { v1: {}, v2: null };
  }
  return parseCgroupPlaces(groups, mounts);
}

/** The pure part of `cgroupPlaces`. */
export function parseCgroupPlaces(groups: string, mounts: string): CgroupPlaces {
  const mounted = mounts.split('\n').flatMap((line) => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = left.split(' ');
    const [type = '', , options = ''] = right.split(' ');
    return type === 'cgroup' || type === 'cgroup2' ? [{ root, point, type, options: options.split(',') }] : [];
  });
  const v1: Record<string, string> = {};
  let v2: string | null = null;
  for (const line of groups.split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, names = '', path = '/'] = match;
    for (const name of names.split(',')) {
      const mount = mounted.find((one) =>
        name === '' ? one.type === 'cgroup2' : one.type === 'cgroup' && one.options.includes(name),
      );
      if (mount === undefined) continue;
      const inside = mount.root === '/' ? path : path.startsWith(mount.root) ? path.slice(mount.root.length) : null;
      if (inside === null || inside.includes('/..')) continue;
      if (name === '') v2 = resolve(mount.point, `.${inside}`);
      else v1[name] = resolve(mount.point, `.${inside}`);
    }
  }
  return { v1, v2 };
}

/**
 * Makes groups for a run below our own, where the machine lets us: they hold the limits, count out-of-memory kills, and
 * find every process of the run at its end, whatever that process did to its environment. Nothing here is needed
 * for a run; what cannot be made is left out.
 */
export function makeCgroups(places: CgroupPlaces, name: string, limits: Limits): MadeCgroups {
  const dirs: string[] = [];
  const kept: MadeCgroups['kept'][number][] = [];
  let memoryDir: string | null = null;
  const made = (parent: string | undefined | null): string | null => {
    if (parent === undefined || parent === null) return null;
    const dir = join(parent, name);
    try {
      mkdirSync(dir);
    } catch {
      return null;
    }
    dirs.push(dir);
    return dir;
  };
  const set = (dir: string, file: string, value: number | string): boolean => {
    try {
      writeFileSync(join(dir, file), String(value), { flag: 'r+' });
      return true;
    } catch {
      return false;
    }
  };
  const { memoryBytes, pids, cpus } = limits;
  const v1Memory = made(places.v1['memory']);
  if (v1Memory !== null) {
    memoryDir = v1Memory;
    if (memoryBytes !== null && set(v1Memory, 'memory.limit_in_bytes', memoryBytes)) {
      set(v1Memory, 'memory.memsw.limit_in_bytes', memoryBytes);
      kept.push('memory');
    }
  }
  const v1Pids = made(places.v1['pids']);
  if (v1Pids !== null && pids !== null && set(v1Pids, 'pids.max', pids)) kept.push('pids');
  if (cpus !== null) {
    const v1Cpu = made(places.v1['cpu']);
    if (v1Cpu !== null && set(v1Cpu, 'cpu.cfs_quota_us', Math.round(cpus * 100_000))) kept.push('cpus');
  }
  made(places.v1['freezer']);
  const v2 = made(places.v2);
  if (v2 !== null) {
    if (existsSync(join(v2, 'memory.events'))) memoryDir = v2;
    if (memoryBytes !== null && set(v2, 'memory.max', memoryBytes)) {
      set(v2, 'memory.swap.max', 0);
      kept.push('memory');
    }
    if (pids !== null && set(v2, 'pids.max', pids)) kept.push('pids');
    if (cpus !== null && set(v2, 'cpu.max', `${String(Math.round(cpus * 100_000))} 100000`)) kept.push('cpus');
  }
  return { dirs, memoryDir, kept };
}

/** Where `makeCgroups` would have made groups of this name: for a worker that was killed before it noted them. */
export function possibleCgroups(places: CgroupPlaces, name: string): readonly string[] {
  const parents = [places.v1['memory'], places.v1['pids'], places.v1['cpu'], places.v1['freezer'], places.v2];
  return parents.flatMap((parent) => (parent === undefined || parent === null ? [] : [join(parent, name)]));
}

/** Removes empty groups, with what the job made below them; a busy or missing one is left. Twice is harmless. */
export function removeCgroups(dirs: readonly string[]): void {
  for (const dir of dirs) {
    try {
      rmdirSync(dir);
    } catch (error) {
      // EBUSY: there are others below it, or processes in it (cgroups(7)). Else it is gone.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      removeBelow(dir);
    }
  }
}

function removeBelow(dir: string): void {
  try {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroups([join(dir, entry.name)]);
    }
    rmdirSync(dir);
  } catch {
    // Gone meanwhile, or something that would not die sits in it.
  }
}

/** Reads v2 `memory.events` and `memory.peak`, or v1 `memory.oom_control` and `memory.max_usage_in_bytes`. */
export function memoryEvidence(dir: string): MemoryEvidence {
  const isV2 = existsSync(join(dir, 'memory.events'));
  const counted = readSmallFile(join(dir, isV2 ? 'memory.events' : 'memory.oom_control'));
  const peak = readSmallFile(join(dir, isV2 ? 'memory.peak' : 'memory.max_usage_in_bytes'));
  const kills = counted === null ? null : /^oom_kill (\d+)$/m.exec(counted);
  return {
    oomKills: kills === null ? null : Number(kills[1]),
    peakBytes: peak === null || !/^\d+\s*$/.test(peak) ? null : Number(peak),
  };
}

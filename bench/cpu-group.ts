import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A control group that this process and all that it starts are in, to count what they take together. */
export interface CpuGroup {
  /** What was taken so far (ms, user and system), by processes that are gone, too. */
  usedMs(): number;
  /** This process leaves, and the group goes when nobody else is left in it. */
  close(): void;
}

/** Null where no control group can be made: then nobody can say what short processes took. */
export function openCpuGroup(name: string): CpuGroup | null {
  const root = '/sys/fs/cgroup';
  const read = (path: string): string => readFileSync(path, 'latin1');
  const forms = [
    // Version 1: nanoseconds.
    { parent: join(root, 'cpuacct'), usedMs: (dir: string) => Number(read(join(dir, 'cpuacct.usage'))) / 1e6 },
    // Version 2: microseconds.
    {
      parent: root,
      usedMs: (dir: string) => Number(/^usage_usec (\d+)$/m.exec(read(join(dir, 'cpu.stat')))?.[1]) / 1e3,
    },
  ];
  for (const { parent, usedMs } of forms) {
    const dir = join(parent, name);
    try {
      mkdirSync(dir);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(dir, 'cgroup.procs'), String(process.pid));
      if (!Number.isFinite(usedMs(dir))) throw new Error('it counts nothing');
    } catch {
      rmdirSync(dir);
      continue;
    }
    return {
      usedMs: () => usedMs(dir),
      close() {
        writeFileSync(join(parent, 'cgroup.procs'), String(process.pid));
        try {
          rmdirSync(dir);
        } catch {
          // Somebody is still in it.
        }
      },
    };
  }
  return null;
}

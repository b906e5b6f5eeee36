import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that outlived the tests: it carries the run's mark in its environment, or works in the run's directory. */
export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** Processes that belong to the run with this `mark` (an environment entry) or temporary directory. Linux only. */
export async function leftoverProcesses(mark: string, directory: string): Promise<Leftover[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: Leftover[] = [];
  for (const pid of pids.filter((each) => each !== process.pid)) {
    const [environment, command, cwd] = await Promise.all([
      readFile(`/proc/${pid}/environ`, 'latin1').catch(() => ''),
      readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''),
      readlink(`/proc/${pid}/cwd`).catch(() => ''),
    ]);
    const isOurs = environment.split('\0').includes(mark) || command.includes(directory) || cwd.startsWith(directory);
    if (isOurs) found.push({ pid, command: command.replaceAll('\0', ' ').trim().slice(0, 200) });
  }
  return found;
}

/**
 * Commands of those who are still in the process group of `leader` after up to `patienceMs`: git's housekeeping, say,
 * ends a moment after the command that began it. The dead who are not yet collected do not count.
 */
export async function groupMembers(leader: number, patienceMs = 1500): Promise<string[]> {
  for (const deadline = performance.now() + patienceMs; ;) {
    const members = isGroup(leader) ? await readGroup(leader) : [];
    if (members.length === 0 || performance.now() > deadline) return members;
    await sleep(20);
  }
}

function isGroup(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}

async function readGroup(leader: number): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const members = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
      // After the name, which may hold anything: state, parent, group.
      const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (group !== String(leader) || state === 'Z') return '';
      const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
      return command.replaceAll('\0', ' ').trim().slice(0, 200);
    }),
  );
  return members.filter((command) => command !== '');
}

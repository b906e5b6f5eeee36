import { readdir, readFile, readlink } from 'node:fs/promises';

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

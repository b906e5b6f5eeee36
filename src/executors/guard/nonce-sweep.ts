import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '../../base/clock.ts';

/** One after the other they took a good part of a short run's time. */
const readsAtOnce = 32;

/** Environment variable that carries the nonce: of the job and its children, or of the guard and its helpers. */
export type NonceVariable = 'GROUNDCREW_NONCE' | 'GROUNDCREW_GUARD';

/** Pids in these control groups and of every process whose environment carries the nonce. */
export async function carriersOf(
  nonce: string,
  cgroups: readonly string[],
  variable: NonceVariable = 'GROUNDCREW_NONCE',
): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const group of cgroups) {
    for (const pid of (await readOrEmpty(join(group, 'cgroup.procs'))).toString('latin1').split('\n')) {
      if (pid !== '') found.add(Number(pid));
    }
  }
  const needle = `${variable}=${nonce}\0`;
  const names = (await readdir('/proc')).filter((name) => /^[1-9]\d*$/.test(name));
  // Never on the main thread: a hostile process can make a reader of its memory wait.
  for (let at = 0; at < names.length; at += readsAtOnce) {
    await Promise.all(
      names.slice(at, at + readsAtOnce).map(async (name) => {
        const environ = await readOrEmpty(`/proc/${name}/environ`);
        if (environ.indexOf(needle) === 0 || environ.includes(`\0${needle}`)) found.add(Number(name));
      }),
    );
  }
  found.delete(process.pid);
  return [...found];
}

/**
 * SIGKILL to everything of a run, again and again until nothing is left, for at most `mostMs`: between two looks a
 * process may have forked. What has cleared its environment and sits in no control group of ours escapes.
 * Resolves with the pids that would not die.
 */
export async function killCarriers(
  nonce: string,
  cgroups: readonly string[],
  options: { readonly clock: Clock; readonly mostMs: number; readonly variable?: NonceVariable },
): Promise<readonly number[]> {
  const until = options.clock.monotonic() + options.mostMs;
  for (;;) {
    const left = await carriersOf(nonce, cgroups, options.variable);
    if (left.length === 0 || options.clock.monotonic() > until) return left;
    for (const pid of left) sendSignal(pid, 'SIGKILL');
    await sleep(options.clock, 10);
  }
}

/** Sends a signal; false when there is no such process (or group, for a negative pid). Throws EPERM. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

async function readOrEmpty(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch {
    // The process ended meanwhile, or belongs to somebody else.
    return Buffer.alloc(0);
  }
}

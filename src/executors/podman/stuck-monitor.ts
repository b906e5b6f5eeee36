import { readdir, readFile } from 'node:fs/promises';
import { sendSignal } from '../guard/nonce-sweep.ts';

/**
 * Ends what podman leaves when it is killed between making a container and starting it: it forgets, and removes, a
 * container that it never noted as made, while the runtime's first process waits for a start that will never come, and
 * conmon waits for that process (podman 4.3, seen with runc). Neither carries a nonce. To be called when the container is
 * removed; resolves with the pids that were killed. Once its process is dead, conmon ends by itself.
 */
export async function endStuckMonitor(containerName: string): Promise<readonly number[]> {
  const needle = `\0-n\0${containerName}\0`;
  const killed: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^[1-9]\d*$/.test(name)) continue;
    const words = await readOrEmpty(`/proc/${name}/cmdline`);
    if (!/^[^\0]*conmon\0/.test(words) || !words.includes(needle)) continue;
    const children = await readOrEmpty(`/proc/${name}/task/${name}/children`);
    for (const pid of children.trim().split(' ').filter(Boolean).map(Number)) {
      // Its other child tidies up after a container that did run.
      if ((await readOrEmpty(`/proc/${pid}/comm`)).startsWith('podman')) continue;
      if (sendSignal(pid, 'SIGKILL')) killed.push(pid);
    }
  }
  return killed;
}

async function readOrEmpty(path: string): Promise<string> {
  // It ended meanwhile, or belongs to somebody else.
  return await readFile(path, 'latin1').catch(() => '');
}

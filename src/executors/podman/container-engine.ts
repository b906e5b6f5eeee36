import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEnd } from '../executor.ts';
import { readIdentity, readText, type RunNotes } from '../guard/guard-state.ts';
import { broken, outputHead, type GuardedEngine } from '../guard/guarded-run.ts';
import { sendSignal } from '../guard/nonce-sweep.ts';
import { reasonIn } from './podman-command.ts';

/** What a guarded run asks of its container, answered from the files in `dir`; `shell` runs one of the scripts there. */
export function containerEngine(
  dir: string,
  notes: RunNotes,
  shell: (file: string, ...words: string[]) => Promise<void>,
): Pick<GuardedEngine, 'signal' | 'startFailure' | 'diskDirs'> {
  const pidFile = join(dir, 'container.pid');
  return {
    async signal(signal) {
      if (existsSync(join(dir, 'ended'))) return false;
      const pid = Number(readText(pidFile) ?? Number.NaN);
      if (!Number.isInteger(pid) || pid <= 1) {
        if (signal === 'SIGTERM') return false;
        // There is no container yet: end podman, and the guard removes what it has begun.
        const job = readIdentity(join(dir, 'job'));
        return job !== null && sendSignal(-job.pid, 'SIGKILL');
      }
      // The first process of the container carries the nonce, so a number that was given anew is not taken for it.
      const environ = await readFile(`/proc/${String(pid)}/environ`, 'latin1').catch(() => '');
      if (environ.includes(`GROUNDCREW_NONCE=${notes.nonce}\0`)) {
        try {
          return sendSignal(pid, signal);
        } catch {
          // A rootless container's user is another one: podman may do it.
        }
      }
      await shell('kill.sh', signal.slice('SIG'.length));
      return true;
    },
    async diskDirs() {
      const pid = readText(pidFile);
      const mounts = pid === null ? null : readText(`/proc/${pid}/mountinfo`);
      return mounts === null ? [] : upperDirs(mounts);
    },
    async startFailure(): Promise<Extract<RunEnd, { kind: 'broken' }> | null> {
      if (existsSync(join(dir, 'unstarted'))) return broken('podman was killed before it started the container');
      if (readText(pidFile) !== null) return null;
      return broken(`the container did not start: ${reasonIn(outputHead(dir, notes.marker))}`);
    },
  };
}

/** The writable layer of a container's root, as its mounts name it (overlayfs; proc(5), mountinfo). */
function upperDirs(mountinfo: string): readonly string[] {
  for (const line of mountinfo.split('\n')) {
    const match = / \/ [^ ]+ (?:[^-].*)?- overlay [^ ]+ (?:.*,)?upperdir=([^,]+)/.exec(line);
    if (match?.[1] !== undefined) return [match[1]];
  }
  return [];
}

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, type Clock } from '../../base/clock.ts';
import { replaceSmallFile } from '../../base/small-file.ts';
import { isRunning, readIdentity, readText, statOf } from '../guard/guard-state.ts';
import { sendSignal } from '../guard/nonce-sweep.ts';

/** conmon writes the status within a millisecond of the death; podman takes it away some tens of milliseconds later. */
const mostMs = 300;
const lookEveryMs = 2;

/**
 * Brings the guard the news that the container has ended, before podman has taken down its network and removed it. Only
 * an acceleration: whatever is missing here, the guard learns the same from podman later.
 */
export interface EndHerald {
  /** Finds out where the exit status will be. `pid`: the container's first process, while it lives. */
  meet(pid: number): Promise<void>;
  /** The first process is dead: passes its status on. Never rejects. */
  tell(): Promise<void>;
}

export function endHerald(dir: string, clock: Clock): EndHerald {
  let file: string | null = null;
  return {
    async meet(pid) {
      file = exitFileIn(await commandLine(statOf(pid)?.parentPid ?? 0));
    },
    async tell() {
      if (file === null) return;
      // One of an earlier version has no bell and would die of the signal.
      if (!existsSync(join(dir, 'bell'))) return;
      const until = clock.monotonic() + mostMs;
      while (!existsSync(join(dir, 'ended')) && clock.monotonic() < until) {
        const status = readText(file);
        if (status !== null && /^\d{1,3}$/.test(status)) {
          await pass(dir, status);
          return;
        }
        await sleep(clock, lookEveryMs);
      }
    },
  };
}

async function pass(dir: string, status: string): Promise<void> {
  try {
    replaceSmallFile(join(dir, 'container.exit'), `${status}\n`);
    const guard = readIdentity(join(dir, 'guard'));
    if (guard !== null && isRunning(guard)) sendSignal(guard.pid, 'SIGUSR1');
  } catch {
    // A full disk, or a guard that has just ended: it goes the long way.
  }
}

/** Where conmon, the parent of every container's first process, was told to write its exit status (conmon(8), --exit-dir). */
export function exitFileIn(conmonArgv: readonly string[]): string | null {
  const after = (flag: string): string | undefined => conmonArgv[conmonArgv.indexOf(flag, 1) + 1];
  const isConmon = /(?:^|\/)conmon$/.test(conmonArgv[0] ?? '');
  const [dir, id] = [after('--exit-dir'), after('-c')];
  return isConmon && dir?.startsWith('/') === true && /^[0-9a-f]{64}$/.test(id ?? '') ? join(dir, id ?? '') : null;
}

async function commandLine(pid: number): Promise<readonly string[]> {
  if (pid <= 1) return [];
  const text = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
  return text.split('\0');
}

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, type Clock } from '../../base/clock.ts';
import { errorLine, GroundcrewError } from '../../base/errors.ts';
import { writeSmallFile } from '../../base/small-file.ts';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';
import { readIdentity, readText, type RunNotes } from './guard-state.ts';

/** How the guard runs its command. */
export interface GuardOrder {
  /** The guard's script; see `placeGuardScript`. */
  readonly script: string;
  readonly dir: string;
  readonly kind: 'group' | 'container';
  readonly notes: Pick<RunNotes, 'nonce' | 'marker' | 'cgroups'>;
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly argv: readonly string[];
  /** PATH of the guard itself: `sh`, `setsid`, `dd`, `grep` and the container engine. */
  readonly path: string;
}

/** How far the reader may be behind before the job is held back. */
export const windowBytes = 64 * 1024 * 1024;

/**
 * Starts the guard in a session of its own and waits until it has said who it is.
 * @throws GroundcrewError `executors/no-guard` when it does not come up; nothing of the run is then left running.
 */
export async function startGuard(order: GuardOrder, clock: Clock): Promise<void> {
  const { nonce, marker, cgroups } = order.notes;
  const seen: { trouble: string | null } = { trouble: null };
  try {
    const seconds = (ms: number): string => (Math.max(0, ms) / 1000).toFixed(3);
    const child = spawn(
      'sh',
      [
        order.script,
        'run',
        order.kind,
        seconds(order.timeoutMs),
        seconds(order.graceMs),
        nonce,
        String(windowBytes),
        ...order.argv,
      ],
      {
        cwd: order.dir,
        // LC_ALL: grep must take bytes as bytes. GROUNDCREW_GUARD: its helpers outlive a guard that is killed.
        env: {
          PATH: order.path,
          LC_ALL: 'C',
          GROUNDCREW_GUARD: nonce,
          GROUNDCREW_MARKER: marker,
          GROUNDCREW_GROUPS: cgroups.join('\n'),
        },
        stdio: 'ignore',
        detached: true,
      },
    );
    child.on('error', (error) => {
      seen.trouble = errorLine(error);
    });
    child.on('exit', (code) => {
      seen.trouble = `it ended with status ${String(code)}`;
    });
    child.unref();
    const until = clock.monotonic() + 10_000;
    // It opens the file before it writes it: the name may be there for a moment without what it says.
    while (!existsSync(join(order.dir, 'guard')) || readIdentity(join(order.dir, 'guard')) === null) {
      if (seen.trouble === null && clock.monotonic() < until) await sleep(clock, 2);
      else break;
    }
  } catch (error) {
    seen.trouble = errorLine(error);
  }
  if (claimUnguarded(order.dir)) {
    const said = readText(join(order.dir, 'guard.log')) ?? '';
    throw new GroundcrewError(
      'executors/no-guard',
      `the run's parent process did not start: ${[seen.trouble ?? 'it said nothing within 10 s', said].join(' ').trim()}`,
      { retry: 'later' },
    );
  }
}

/**
 * Takes the guard's place where none has come, so that one that comes late goes away again. True when it was free: then
 * nothing was and nothing will be started in this directory.
 */
export function claimUnguarded(dir: string): boolean {
  if (existsSync(join(dir, 'guard'))) return readText(join(dir, 'guard')) === 'nobody';
  const draft = join(dir, `guard.nobody.${randomBytes(8).toString('hex')}`);
  writeSmallFile(draft, 'nobody\n');
  try {
    linkSync(draft, join(dir, 'guard'));
    return true;
  } catch {
    return false;
  } finally {
    unlinkIfThere(draft);
  }
}

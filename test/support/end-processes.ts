import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { has } from './needs.ts';
import { podmanEnv } from './test-image.ts';
import { until } from './until.ts';

/** Kills every process whose command line, environment or directory names `dir`, until none is left. Never ourselves. */
export async function endWhatRunsIn(dir: string): Promise<void> {
  await until(
    () => {
      const found = processesIn(dir);
      for (const pid of found) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It ended meanwhile.
        }
      }
      return found.length === 0;
    },
    { within: 10_000, what: `the processes in ${dir} to end` },
  );
}

/** The processes that name `dir`. */
export function processesIn(dir: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && names(pid, dir));
}

function names(pid: number, dir: string): boolean {
  try {
    // A process that has ended but is not reaped yet has neither.
    const files = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${String(pid)}/${name}`));
    return files.some((bytes) => bytes.includes(dir)) || readlinkSync(`/proc/${String(pid)}/cwd`).startsWith(dir);
  } catch {
    return false;
  }
}

/** The containers that mount something of `dir`. */
export function containersOf(dir: string): readonly string[] {
  const ids = podman('ps', '-aq', '--no-trunc', '--filter', 'label=groundcrew.run').split('\n');
  return ids.filter((id) => {
    try {
      return id !== '' && podman('inspect', '--format', '{{json .Mounts}}', id).includes(`${dir}/`);
    } catch {
      // Somebody else's, and gone meanwhile.
      return false;
    }
  });
}

/** Ends and removes them. */
export async function removeContainersOf(dir: string): Promise<void> {
  if (!has('podman')) return;
  for (const id of containersOf(dir)) podman('rm', '-f', '-t', '0', id);
}

function podman(...args: string[]): string {
  return execFileSync('podman', ['--log-level=error', ...args], {
    env: podmanEnv(),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

import { mkdirSync, symlinkSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';

/** A run that this worker's executor started and has not cleaned up. */
export interface RegisteredRun {
  readonly id: string;
  readonly stateDir: string;
}

/**
 * Which runs there are, by files: a restarted worker, which remembers nothing, sweeps by it. An entry is written
 * before anything is started and removed after everything is gone, so a run is never without one.
 */
export interface RunRegistry {
  add(run: RegisteredRun): void;
  remove(id: string): void;
  list(): Promise<readonly RegisteredRun[]>;
}

/** The registry in this directory, which is the executor's own. */
export function createRunRegistry(dir: string): RunRegistry {
  return {
    add(run) {
      const add = (): void => {
        symlinkSync(run.stateDir, join(dir, `${run.id}${ending}`));
      };
      try {
        add();
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST') return;
        if (code !== 'ENOENT') throw error;
        mkdirSync(dir, { recursive: true, mode: 0o700 });
        add();
      }
    },
    remove(id) {
      for (const one of [ending, oldEnding]) {
        if (unlinkIfThere(join(dir, `${id}${one}`))) return;
      }
    },
    async list() {
      const found: RegisteredRun[] = [];
      for (const name of (await namesIn(dir)).sort()) {
        try {
          if (name.endsWith(ending)) {
            found.push({ id: name.slice(0, -ending.length), stateDir: await readlink(join(dir, name)) });
          } else if (name.endsWith(oldEnding)) {
            found.push(JSON.parse(await readFile(join(dir, name), 'utf8')) as RegisteredRun);
          }
        } catch {
          // Removed meanwhile.
        }
      }
      return found;
    },
  };
}

/** A link to the run's state directory: it is there as a whole or not at all, by one call to the kernel. */
const ending = '.run';
/** Versions before 23 November 2026 wrote a JSON file. */
const oldEnding = '.json';

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch {
    return [];
  }
}

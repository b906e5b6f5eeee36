import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from './guard-state.ts';

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
  add(run: RegisteredRun): Promise<void>;
  remove(id: string): Promise<void>;
  /** Also removes what was killed half-written; not to be called while another call adds. */
  list(): Promise<readonly RegisteredRun[]>;
}

/** The registry in this directory, which is the executor's own. */
export function createRunRegistry(dir: string): RunRegistry {
  const pathOf = (id: string): string => join(dir, `${id}.json`);
  return {
    async add(run) {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await writeWhole(pathOf(run.id), JSON.stringify({ id: run.id, stateDir: run.stateDir }));
    },
    async remove(id) {
      await rm(pathOf(id), { force: true });
    },
    async list() {
      const found: RegisteredRun[] = [];
      for (const name of (await namesIn(dir)).sort()) {
        // A draft whose writer was killed: nothing was started for it yet.
        if (/\.json\.[0-9a-f]+$/.test(name)) await rm(join(dir, name), { force: true });
        if (!name.endsWith('.json')) continue;
        try {
          found.push(JSON.parse(await readFile(join(dir, name), 'utf8')) as RegisteredRun);
        } catch {
          // Removed meanwhile.
        }
      }
      return found;
    },
  };
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch {
    return [];
  }
}

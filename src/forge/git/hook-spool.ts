import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { hashOf } from '../../base/ids.ts';

/** Names a repository in the spool: 16 hex digits of its common git directory's real path. */
export function hookId(gitDir: string): string {
  return hashOf([gitDir], 16);
}

/** Reads what hooks left. */
export interface HookSpool extends AsyncDisposable {
  /** Until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Between looks without being woken: for file systems that do not notify, and after failures. */
const netMs = 2000;
const oldMs = 3_600_000;

/**
 * A directory in which hooks put `<id>.hook`, at most one a repository, by `mv`. We rename it to `<id>.taken` before
 * acting on it, so that a hook that fires meanwhile leaves a new one, and delete it when `onHook` has resolved: what is
 * there at start was not yet told. The content is for people; only the name counts.
 */
export async function openHookSpool(
  dir: string,
  clock: Clock,
  onHook: (id: string) => Promise<void>,
): Promise<HookSpool> {
  await mkdir(dir, { recursive: true });
  let wake: AbortController = new AbortController();
  const watcher = startWatching(dir, () => {
    wake.abort();
  });
  const handle = async (id: string, isTaken: boolean): Promise<void> => {
    const taken = join(dir, `${id}.taken`);
    try {
      if (!isTaken) await rename(join(dir, `${id}.hook`), taken);
      await onHook(id);
      await rm(taken, { force: true, recursive: true });
    } catch {
      // Stays as `.taken`; tried again at the next look.
    }
  };
  return {
    async run(signal) {
      while (!signal.aborted) {
        // Armed before reading the directory: a file that comes later wakes us.
        wake = new AbortController();
        const names = new Set(await readdir(dir).catch(() => []));
        const ids = new Set([...names].map(idOf).filter((id) => id !== null));
        await Promise.all([...ids].map((id) => handle(id, !names.has(`${id}.hook`))));
        await removeOld(dir, names, clock.now());
        await sleep(clock, netMs, AbortSignal.any([wake.signal, signal]));
      }
    },
    [Symbol.asyncDispose]() {
      watcher?.close();
      return Promise.resolve();
    },
  };
}

function idOf(name: string): string | null {
  return /^([0-9a-f]{16})\.(?:hook|taken)$/.exec(name)?.[1] ?? null;
}

/** What a killed hook left half-done. */
async function removeOld(dir: string, names: ReadonlySet<string>, now: number): Promise<void> {
  for (const name of names) {
    if (!name.startsWith('.') || !name.endsWith('.part')) continue;
    const found = await stat(join(dir, name)).catch(() => null);
    if (found !== null && now - found.mtimeMs > oldMs) await rm(join(dir, name), { force: true });
  }
}

function startWatching(dir: string, onChange: () => void): FSWatcher | null {
  try {
    const watcher = watch(dir, { persistent: false }, (_event, file) => {
      if (file === null || file.endsWith('.hook')) onChange();
    });
    watcher.on('error', () => {
      watcher.close();
    });
    return watcher;
  } catch {
    return null;
  }
}

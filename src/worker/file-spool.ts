import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably, syncFolder } from '../base/small-file.ts';
import { unlinkIfThere } from '../base/unlink-if-there.ts';
import { decodeMessage, workerMessageSchema } from '../core/message-schema.ts';
import type { Spool, Spooled } from './spool.ts';

/** Kept free for finals, whatever else fills the disk (bytes). */
const reservedBytes = 1024 * 1024;
/** So many messages that were put by this process and wait are kept in memory as well, some kilobytes each. */
const mostFresh = 64;

/**
 * The spool in a directory, one file a message, named in order. A file of `reservedBytes` stands beside them: when the disk
 * is full it is given up for the message that must be kept, and made again as soon as there is room.
 */
export async function openFileSpool(dir: string): Promise<Spool> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const reserve = join(dir, '.reserve');
  // Of a worker that was killed while it wrote: not kept, so its attempt is not cleaned up, and will be written again.
  for (const name of await readdir(dir)) if (/^\.\d{12}\.json$/.test(name)) await rm(join(dir, name), { force: true });
  // Nobody else writes here, so the names need not be asked for again. In the order of their putting.
  const names = new Set((await readdir(dir)).filter((name) => /^\d{12}\.json$/.test(name)).sort());
  /** These need not be read: mostly they are sent at once. */
  const fresh = new Map<string, Spooled['message']>();
  let next = Number.parseInt([...names].at(-1) ?? '0', 10) + 1;
  let hasReserve = false;
  const makeReserve = async (): Promise<void> => {
    if (hasReserve) return;
    // Shorter on a disk that was full when it was made: worth another try.
    hasReserve =
      (await stat(reserve).catch(() => null))?.size === reservedBytes ||
      (await writeFile(reserve, Buffer.alloc(reservedBytes, 1), { mode: 0o600 }).then(
        () => true,
        () => false,
      ));
  };
  await makeReserve();

  const write = async (name: string, text: string): Promise<void> => {
    await replaceDurably(join(dir, name), text, join(dir, `.${name}`));
    await syncFolder(dir);
  };

  /** Null: somebody took it away, or it is no message, and stays beside the others for people to look at. */
  const read = async (name: string): Promise<Spooled['message'] | null> => {
    const text = await readFile(join(dir, name), 'utf8').catch(absent);
    if (text === null) return null;
    const message = decodeMessage(workerMessageSchema, text);
    if (message?.kind === 'finished' || message?.kind === 'sealed') return message;
    await rename(join(dir, name), join(dir, `${name}.unreadable`));
    return null;
  };

  return {
    async put(message) {
      const name = `${String(next).padStart(12, '0')}.json`;
      next += 1;
      const text = JSON.stringify(message);
      try {
        await write(name, text);
      } catch {
        hasReserve = false;
        await rm(reserve, { force: true });
        await write(name, text);
      }
      names.add(name);
      if (fresh.size < mostFresh) fresh.set(name, message);
    },
    async list() {
      const found: Spooled[] = [];
      for (const name of [...names]) {
        const message = fresh.get(name) ?? (await read(name));
        if (message !== null) found.push({ id: name, message });
        else names.delete(name);
      }
      return found;
    },
    async remove(id) {
      unlinkIfThere(join(dir, id));
      names.delete(id);
      fresh.delete(id);
      await makeReserve();
    },
  };
}

function absent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}

import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeMessage, workerMessageSchema } from '../core/message-schema.ts';
import type { Spool, Spooled } from './spool.ts';

/** Kept free for finals, whatever else fills the disk (bytes). */
const reservedBytes = 1024 * 1024;

/**
 * The spool in a directory, one file a message, named in order. A file of `reservedBytes` stands beside them: when the disk
 * is full it is given up for the message that must be kept, and made again as soon as there is room.
 */
export async function openFileSpool(dir: string): Promise<Spool> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const reserve = join(dir, '.reserve');
  // Of a worker that was killed while it wrote: not kept, so its attempt is not cleaned up, and will be written again.
  for (const name of await readdir(dir)) if (/^\.\d{12}\.json$/.test(name)) await rm(join(dir, name), { force: true });
  const names = async (): Promise<string[]> =>
    (await readdir(dir)).filter((name) => /^\d{12}\.json$/.test(name)).sort();
  let next = Number.parseInt((await names()).at(-1) ?? '0', 10) + 1;
  const makeReserve = async (): Promise<void> => {
    const found = await stat(reserve).catch(() => null);
    // Shorter on a disk that was full when it was made: worth another try.
    if (found?.size === reservedBytes) return;
    await writeFile(reserve, Buffer.alloc(reservedBytes, 1), { mode: 0o600 }).catch(() => undefined);
  };
  await makeReserve();

  const write = async (name: string, text: string): Promise<void> => {
    const draft = join(dir, `.${name}`);
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    await rename(draft, join(dir, name));
    const folder = await open(dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  };

  return {
    async put(message) {
      const name = `${String(next).padStart(12, '0')}.json`;
      next += 1;
      const text = JSON.stringify(message);
      try {
        await write(name, text);
      } catch {
        await rm(reserve, { force: true });
        await write(name, text);
      }
    },
    async list() {
      const found: Spooled[] = [];
      for (const name of await names()) {
        const message = decodeMessage(workerMessageSchema, await readFile(join(dir, name), 'utf8'));
        if (message?.kind === 'finished' || message?.kind === 'sealed') found.push({ id: name, message });
        // Whatever it is, it must not stand in the way of the others; it stays for people to look at.
        else await rename(join(dir, name), join(dir, `${name}.unreadable`));
      }
      return found;
    },
    async remove(id) {
      await rm(join(dir, id), { force: true });
      await makeReserve();
    },
  };
}

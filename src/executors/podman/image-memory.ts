import { replaceSmallFile } from '../../base/small-file.ts';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { LocalImage } from './image.ts';

/** What podman's storage said of names, for as long as it says the same: a look saves a call of podman, about 30 ms. */
export interface ImageMemory {
  /** What the storage is like now; null when that cannot be told, and nothing is remembered. */
  stamp(): Promise<string | null>;
  /** The image of this name, if it was looked up in a storage with this stamp. */
  recall(name: string, stamp: string | null): Promise<LocalImage | null>;
  /** `stamp` is of before the look-up, so that a change in between is not missed. Never rejects. */
  keep(name: string, image: LocalImage, stamp: string | null): Promise<void>;
  /** To be called when a remembered image turned out not to run. */
  forget(): Promise<void>;
}

interface Remembered {
  readonly stamp: string;
  readonly images: Readonly<Record<string, LocalImage>>;
}

/**
 * `listFile` is the storage's own list of images (containers/storage, `overlay-images/images.json`): every pull, build,
 * import, tag and removal replaces it, running a container does not. Null: the storage has none that could be watched.
 */
export function createImageMemory(file: string, listFile: string | null): ImageMemory {
  const read = async (): Promise<Remembered | null> => {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as Remembered;
    } catch {
      return null;
    }
  };
  return {
    async stamp() {
      if (listFile === null) return null;
      try {
        const { ino, size, mtimeNs, ctimeNs } = await stat(listFile, { bigint: true });
        return [listFile, ino, size, mtimeNs, ctimeNs].map(String).join(' ');
      } catch {
        return null;
      }
    },
    async recall(name, stamp) {
      if (stamp === null) return null;
      const known = await read();
      return known?.stamp === stamp && Object.hasOwn(known.images, name) ? (known.images[name] ?? null) : null;
    },
    async keep(name, image, stamp) {
      if (stamp === null) return;
      const known = await read();
      const images = { ...(known?.stamp === stamp ? known.images : {}), [name]: image };
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        replaceSmallFile(file, JSON.stringify({ stamp, images } satisfies Remembered));
      } catch {
        // Not remembered: looked up again.
      }
    },
    async forget() {
      await rm(file, { force: true });
    },
  };
}

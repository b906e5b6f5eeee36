import { unlink } from 'node:fs/promises';

/** Removes a file; false when there was none. `rm` with `force` does the same by three calls to the kernel. */
export async function unlinkIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
}

import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorLine, UsageError } from '../base/errors.ts';
import { hashOf } from '../base/ids.ts';
import type { Random } from '../base/random.ts';

const bootFile = '/proc/sys/kernel/random/boot_id';

/**
 * What tells this worker from a copy of its disk (`WorkerOffer.installation`): an id that is made at its first start, the file it stands
 * in, and the boot of the machine, which no copy of the disk takes along. So each start of the process has the same, and each boot
 * another one; a machine that was reset is told from itself, but then what it ran is over anyway.
 * https://man7.org/linux/man-pages/man4/random.4.html (boot_id)
 * @throws UsageError `cli/worker-session` when it cannot be written down
 */
export function installationOf(dir: string, random: Pick<Random, 'hex'>, boot = bootId()): string {
  const file = join(dir, 'installation');
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // One process holds the lock of this directory; one that dies here leaves an empty file, which is as good as none.
    const handle = openSync(file, 'a+', 0o600);
    try {
      let id = readFileSync(handle, 'utf8').trim();
      if (!/^[0-9a-f]{32}$/.test(id)) {
        id = random.hex(16);
        writeFileSync(file, `${id}\n`, { flush: true });
      }
      return hashOf([id, String(fstatSync(handle).ino), boot], 16);
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    const why = errorLine(cause);
    throw new UsageError('cli/worker-session', `${file}: cannot be written (${why}); see to the disk and its rights`, {
      cause,
    });
  }
}

function bootId(): string {
  try {
    return readFileSync(bootFile, 'utf8').trim();
  } catch {
    // Not Linux: copies are told by their directories alone.
    return '';
  }
}

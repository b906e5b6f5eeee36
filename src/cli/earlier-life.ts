import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StatePaths } from '../config/state-dir.ts';

/**
 * True when jobs ran here before: the store holds something, or a worker of this state directory has attempts or unsent finals.
 * A ledger that knows nothing was lost then, and with it the embedded queue, which is in the same file. Asked before any worker
 * of this process begins.
 */
export function hadEarlierLife({ storeDir, workerDir }: Pick<StatePaths, 'storeDir' | 'workerDir'>): boolean {
  const workers = entriesOf(workerDir).map((name) => join(workerDir, name));
  const places = [join(storeDir, 'objects'), ...workers.flatMap((dir) => [join(dir, 'attempts'), join(dir, 'spool')])];
  // A spool keeps a hidden file in reserve from its first moment on.
  return places.some((place) => entriesOf(place).some((name) => !name.startsWith('.')));
}

function entriesOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    // It is not there yet.
    return [];
  }
}

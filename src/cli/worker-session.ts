import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorLine, UsageError } from '../base/errors.ts';

/**
 * A number for this start of the worker, larger than every one before: the ledger takes a worker with a smaller one for an
 * echo of its past, and gives it nothing. Kept in `dir`; where that was lost (a machine installed anew under its old name, a
 * directory somebody deleted) the seconds of the clock are larger than any count of starts, and than the seconds before.
 * @throws UsageError `cli/worker-session` when it cannot be written down: a start that leaves no trace would be the next
 *   one's number too.
 */
export function nextSession(dir: string, clock: Pick<Clock, 'now'>): number {
  const file = join(dir, 'session');
  let last = 0;
  try {
    last = Number.parseInt(readFileSync(file, 'utf8'), 10) || 0;
  } catch {
    // The first start here.
  }
  const session = Math.max(last + 1, Math.floor(clock.now() / 1000));
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${String(session)}\n`, { flush: true });
    renameSync(`${file}.new`, file);
  } catch (cause) {
    const why = errorLine(cause);
    throw new UsageError('cli/worker-session', `${file}: cannot be written (${why}); see to the disk and its rights`, {
      cause,
    });
  }
  return session;
}

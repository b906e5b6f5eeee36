import type { Clock } from '../base/clock.ts';

/** More names than this are forgotten together: nothing here may grow with what strangers send. */
const mostRemembered = 10_000;

/** True for a name at most once in `everyMs` (monotonic): for what would else be said again each few seconds. */
export function createSeldom(clock: Pick<Clock, 'monotonic'>, everyMs: number): (name: string) => boolean {
  const saidAt = new Map<string, number>();
  return (name) => {
    const before = saidAt.get(name);
    if (before !== undefined && clock.monotonic() - before < everyMs) return false;
    if (saidAt.size >= mostRemembered) saidAt.clear();
    saidAt.set(name, clock.monotonic());
    return true;
  };
}

import { tmpdir } from 'node:os';
import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { copyMissing } from './copy-missing.ts';
import type { ObjectStore } from './object-store.ts';

/** One that failed is left alone for so long, so that a black hole costs its time-outs once, not with every object. */
const pauseMs = 300_000;

/** Keeps the mirrors of a store full, from behind. Failures are said once each time they begin, and when they are over. */
export interface MirrorFilling {
  /** Copies what lies below the prefix (without a slash at its end). Never fails; aborted, it ends early. */
  fill(prefix: string, signal: AbortSignal): Promise<void>;
  /** Copies all that a mirror misses; returns how many objects. */
  fillAll(signal: AbortSignal): Promise<number>;
  /** Somebody else found that a mirror fails. */
  failed(mirror: string, error: unknown): void;
  /** Calls for every mirror now, and whenever one begins to fail or works again. */
  onState(listener: (mirror: string, isOk: boolean) => void): void;
}

export function createMirrorFilling(deps: {
  readonly primary: ObjectStore;
  readonly mirrors: readonly { readonly name: string; readonly store: ObjectStore }[];
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly logger: Logger;
  /** Objects that will go again soon need no copy. */
  readonly isTransient: (key: string) => boolean;
  /** Copies pass through files here. */
  readonly scratchDir?: string;
}): MirrorFilling {
  const { primary, clock, logger } = deps;
  const scratchDir = deps.scratchDir ?? tmpdir();
  const mirrors = deps.mirrors.map((mirror) => ({ ...mirror, isOk: true, pausedUntil: -Infinity, hasMissed: false }));
  type Mirror = (typeof mirrors)[number];
  const listeners: ((mirror: string, isOk: boolean) => void)[] = [];

  const become = (mirror: Mirror, isOk: boolean): void => {
    if (mirror.isOk === isOk) return;
    mirror.isOk = isOk;
    for (const tell of listeners) tell(mirror.name, isOk);
  };

  const fails = (mirror: Mirror, error: unknown): void => {
    mirror.pausedUntil = clock.monotonic() + pauseMs;
    if (mirror.isOk) {
      logger.warn('a mirror of the store fails; it will get later what it misses', {
        mirror: mirror.name,
        why: errorLine(error),
      });
    }
    become(mirror, false);
  };

  /** All copies of logs and attachments are for whoever may read the originals. */
  const copy = (mirror: Mirror, prefix: string, signal: AbortSignal): Promise<number> =>
    copyMissing(primary, mirror.store, { prefix, visibility: 'public', scratchDir, signal, skip: deps.isTransient });

  const fillOne = async (mirror: Mirror, prefix: string, signal: AbortSignal): Promise<number> => {
    if (clock.monotonic() < mirror.pausedUntil) {
      mirror.hasMissed = true;
      return 0;
    }
    try {
      const copied = await copy(mirror, mirror.hasMissed ? '' : prefix, signal);
      if (!mirror.isOk) logger.info('a mirror of the store works again', { mirror: mirror.name, copied });
      mirror.hasMissed = false;
      become(mirror, true);
      return copied;
    } catch (error) {
      if (signal.aborted) return 0;
      mirror.hasMissed = true;
      fails(mirror, error);
      return 0;
    }
  };

  return {
    async fill(prefix, signal) {
      await Promise.all(mirrors.map((mirror) => fillOne(mirror, `${prefix}/`, signal)));
    },
    async fillAll(signal) {
      const copied = await Promise.all(mirrors.map((mirror) => fillOne(mirror, '', signal)));
      return copied.reduce((sum, n) => sum + n, 0);
    },
    failed(name, error) {
      const mirror = mirrors.find((one) => one.name === name);
      if (mirror === undefined) return;
      mirror.hasMissed = true;
      fails(mirror, error);
    },
    onState(listener) {
      listeners.push(listener);
      for (const { name, isOk } of mirrors) listener(name, isOk);
    },
  };
}

import { sleep, type Clock, type Timer } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Grant, GrantKind } from '../core/grant.ts';
import type { Phase } from '../core/outcome.ts';
import type { Holding, WorkerMessage } from '../core/worker-message.ts';
import type { AttemptProgress, AttemptRunner, RunningAttempt } from './attempt-runner.ts';
import type { Backlog } from './backlog.ts';
import { createGrantKeeper, type GrantKeeper } from './grants.ts';
import type { SpoolSender } from './spool-sender.ts';
import { startGranted } from './start-granted.ts';

const beatMs = 15_000;
/** A new phase is told when it has lasted so long (ms): a short job is over before its phases are worth a message each. */
const phaseLastsMs = 500;

/** What a worker says, but for who it is. */
export type Said = WorkerMessage extends infer M
  ? M extends WorkerMessage
    ? Omit<M, 'v' | 'worker' | 'session' | 'seq'>
    : never
  : never;

/** An attempt that runs here. */
export interface Held {
  readonly holding: Holding;
  readonly attempt: RunningAttempt;
  phase: Phase;
  logBytes: number;
  /** Until its phase is told. */
  soon: Timer | null;
}

/** The attempts of one worker, each from its start or adoption until nothing of it is left here. */
export interface HeldAttempts {
  /** Starts what was claimed; with an order that asks for grants, as soon as they are there (R2). */
  begin(holding: Holding, onEnd: () => void): void;
  /** Takes up what an earlier life left; `onEndOf` is asked for each what to do when its final is kept. */
  adopt(onEndOf: () => () => void): Promise<void>;
  /** Those that run. */
  running(): readonly Held[];
  granted(nonce: string, grant: Grant): void;
  /** The worker hears the server from now on: what was adopted asks for its grants. */
  listened(): void;
}

/** What they need. */
export interface HeldAttemptsDeps {
  readonly worker: { readonly name: string; readonly session: number };
  readonly runner: AttemptRunner;
  readonly sender: SpoolSender;
  readonly backlog: Backlog;
  readonly say: (said: Said) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly life: () => AbortSignal;
}

export function createHeldAttempts(deps: HeldAttemptsDeps): HeldAttempts {
  const { runner, sender, backlog, say, clock, logger } = deps;
  const held = new Map<string, Held>();
  const keepers = new Map<string, GrantKeeper>();
  const isOver = (): boolean => deps.life().aborted;

  const sayIfItCan = (said: Said): void => {
    say(said).catch((error: unknown) => {
      logger.debug(`${said.kind} was not sent`, { why: errorLine(error) });
    });
  };
  const beat = ({ holding, phase, logBytes }: Held): void => {
    sayIfItCan({ kind: 'beat', ...holding, phase, logBytes });
  };

  const progressOf = ({ nonce }: Holding): AttemptProgress => ({
    phase: (phase: Phase): void => {
      const one = held.get(nonce);
      if (one === undefined || one.phase === phase) return;
      one.phase = phase;
      one.soon?.cancel();
      one.soon = clock.after(phaseLastsMs, () => {
        if (held.get(nonce) === one && !isOver()) beat(one);
      });
    },
    logBytes: (bytes, isAnnounced = false): void => {
      const one = held.get(nonce);
      if (one === undefined) return;
      one.logBytes = bytes;
      if (isAnnounced && !isOver()) beat(one);
    },
  });

  /** Null: the order asks for nothing, or for nothing that a resumed attempt, whose checkout is over, would need. */
  const keeperOf = (holding: Holding, isResumed: boolean): GrantKeeper | null => {
    const { envelope, nonce } = holding;
    const kinds = envelope.grants ?? [];
    if (kinds.length === 0 || (isResumed && !kinds.includes('store'))) return null;
    const ask = (wants: readonly GrantKind[], isFetchRefused: boolean): void => {
      sayIfItCan({ kind: 'ask', ...holding, wants, ...(isFetchRefused ? { isFetchRefused } : {}), takesForms: true });
    };
    const keeper = createGrantKeeper({ envelope, isResumed, ask, clock, life: deps.life() });
    keepers.set(nonce, keeper);
    return keeper;
  };

  /** To the spooled final; the log goes on to the store by itself. */
  const attend = async (holding: Holding, attempt: RunningAttempt, onEnd: () => void): Promise<void> => {
    const one: Held = { holding, attempt, phase: 'claimed', logBytes: 0, soon: null };
    held.set(holding.nonce, one);
    const pulse = new AbortController();
    void (async () => {
      while (!pulse.signal.aborted && !isOver()) {
        await sleep(clock, beatMs, pulse.signal);
        if (!pulse.signal.aborted && !isOver()) beat(one);
      }
    })();
    const end = await attempt.ended;
    if (isOver()) return;
    await sender.keep({ ...speaker(), kind: 'finished', ...holding, ...end });
    // With a reason of its own: the usual one is an error with its stack, which costs more than all the rest here.
    pulse.abort('ended');
    held.delete(holding.nonce);
    one.soon?.cancel();
    void sender.flush();
    backlog.add(one.logBytes, sealAndClean(holding, attempt));
    onEnd();
  };

  /** The sequence number is for what a broker may repeat; finals say the same however often. */
  const speaker = () => ({ v: 1, worker: deps.worker.name, session: deps.worker.session, seq: 0 }) as const;

  const sealAndClean = async (holding: Holding, attempt: RunningAttempt): Promise<void> => {
    try {
      const seal = await attempt.seal(deps.life());
      if (seal !== null) {
        await sender.keep({ ...speaker(), kind: 'sealed', ...holding, ...seal });
        void sender.flush();
      }
      if (!isOver()) await attempt.cleanup();
    } catch (error) {
      logger.error('an attempt could not be cleaned up', { job: holding.envelope.job.id, why: errorLine(error) });
    } finally {
      keepers.get(holding.nonce)?.end();
      keepers.delete(holding.nonce);
    }
  };

  return {
    begin(holding, onEnd) {
      const progress = progressOf(holding);
      const grants = keeperOf(holding, false);
      const attempt =
        grants === null
          ? runner.start(holding, progress)
          : startGranted({ runner, clock }, holding, { ...progress, grants });
      void attend(holding, attempt, onEnd);
    },
    async adopt(onEndOf) {
      const found = await runner.adopt((holding) => {
        const grants = keeperOf(holding, true);
        return { ...progressOf(holding), ...(grants === null ? {} : { grants }) };
      });
      for (const { holding, attempt } of found) {
        logger.info('attempt adopted', { trace: holding.envelope.traceId, job: holding.envelope.job.id });
        void attend(holding, attempt, onEndOf());
      }
    },
    running: () => [...held.values()],
    granted: (nonce, grant) => keepers.get(nonce)?.take(grant),
    listened() {
      for (const keeper of keepers.values()) keeper.listened();
    },
  };
}

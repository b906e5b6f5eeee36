import { createBell } from '../base/bell.ts';
import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Forge } from '../forge/forge.ts';
import type { Intake } from './intake.ts';

/** Repositories of one forge that are scanned at once. */
const repositoriesAtOnce = 4;

/** What the scan loop needs. `periodMs`: about so long from one round to the next. */
export interface ScanLoopDeps {
  readonly forges: ReadonlyMap<string, Forge>;
  readonly intake: Pick<Intake, 'scan' | 'endRemoved' | 'forgetLooks'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly periodMs: number;
}

/** Scans every repository, at its start and again and again. No forge waits for another. */
export interface ScanLoop {
  run(signal: AbortSignal): Promise<void>;
  /** Scans everything now, and every place anew: the policy may be another one. */
  soon(): void;
}

export function createScanLoop({ forges, intake, clock, random, logger, periodMs }: ScanLoopDeps): ScanLoop {
  const bells = new Map([...forges.keys()].map((name) => [name, createBell(clock)]));

  const scanOne = async (forge: Forge, repo: string, signal: AbortSignal): Promise<void> => {
    try {
      await intake.scan(forge.name, repo, signal);
    } catch (error) {
      if (!signal.aborted)
        logger.warn('a repository could not be scanned', { forge: forge.name, repo, why: errorLine(error) });
    }
  };

  const endRemoved = async (): Promise<void> => {
    try {
      await intake.endRemoved();
    } catch (error) {
      logger.error('what is configured no more could not be ended; the next round will', { why: errorLine(error) });
    }
  };

  const round = async (forge: Forge, signal: AbortSignal): Promise<void> => {
    const waiting = [...forge.repos()];
    const worker = async (): Promise<void> => {
      for (let repo = waiting.shift(); repo !== undefined && !signal.aborted; repo = waiting.shift())
        await scanOne(forge, repo, signal);
    };
    await Promise.all(Array.from({ length: repositoriesAtOnce }, worker));
  };

  const runForge = async (forge: Forge, signal: AbortSignal): Promise<void> => {
    const bell = bells.get(forge.name) ?? createBell(clock);
    while (!signal.aborted) {
      bell.reset();
      await endRemoved();
      await round(forge, signal);
      // Spread, so that many servers, or restarts, do not ask the forge in step.
      await bell.wait(periodMs * (0.9 + 0.2 * random.fraction()), signal);
    }
  };

  return {
    async run(signal) {
      await Promise.all([...forges.values()].map((forge) => runForge(forge, signal)));
    },
    soon() {
      intake.forgetLooks();
      for (const bell of bells.values()) bell.ring();
    },
  };
}

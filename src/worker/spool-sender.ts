import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { collectorQueue } from '../core/queue-plan.ts';
import type { Queue } from '../queue/queue.ts';
import type { Spool } from './spool.ts';

const retryMs = 2_000;

/** Keeps finals and sends them, oldest first, each until the broker has it (R5). */
export interface SpoolSender {
  /** Durable when it resolves. Until then the container stands; a full disk is waited out, the result is not lost. */
  keep(message: Parameters<Spool['put']>[0]): Promise<void>;
  /** Resolves when nothing is left to send, or the life is over; never rejects. Calls that overlap share the work. */
  flush(): Promise<void>;
  /** How many wait, as far as this life knows. */
  waiting(): number;
}

export function createSpoolSender(deps: {
  readonly spool: Spool;
  readonly queue: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly life: () => AbortSignal;
}): SpoolSender {
  const { spool, queue, clock, logger, life } = deps;
  let flushing: Promise<void> | null = null;
  let waiting = 0;

  const sendAll = async (): Promise<void> => {
    while (!life().aborted) {
      try {
        const all = await spool.list();
        waiting = all.length;
        if (all.length === 0) return;
        for (const { id, message } of all) {
          if (life().aborted) return;
          await queue.publish(collectorQueue, { body: JSON.stringify(message) });
          await spool.remove(id);
        }
      } catch (error) {
        logger.warn('a result could not be sent; it will be again', { why: errorLine(error) });
        await sleep(clock, retryMs, life());
      }
    }
  };

  return {
    async keep(message) {
      while (!life().aborted) {
        try {
          await spool.put(message);
          waiting += 1;
          return;
        } catch (error) {
          const job = message.envelope.job.id;
          logger.error('a result could not be kept on disk; trying again', { job, why: errorLine(error) });
          await sleep(clock, retryMs, life());
        }
      }
    },
    waiting: () => waiting,
    flush() {
      flushing ??= sendAll().finally(() => {
        flushing = null;
      });
      return flushing;
    },
  };
}

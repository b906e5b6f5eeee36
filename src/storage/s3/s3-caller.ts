import type { S3Client } from '@aws-sdk/client-s3';
import { sleep, type Clock } from '../../base/clock.ts';
import type { GroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { backoffMs } from '../../base/retry.ts';
import { isPassing, isSkew, s3Error, skewWords, type S3Failure } from './s3-error.ts';
import { failureOf } from './s3-failure.ts';
import type { S3Pace } from './s3-options.ts';

/** What came of a request and its tries: more than one means that an earlier one may have been carried out. */
export type S3Answer<T> =
  | { readonly isOk: true; readonly output: T; readonly tries: number }
  | { readonly isOk: false; readonly failure: S3Failure; readonly tries: number };

/** Sends requests, each within its time, and again where that may help. */
export interface S3Caller {
  /** `send` makes a new command each time. `sizeBytes` of body lengthen the time that one try has. */
  call<T>(
    send: (client: S3Client, abortSignal: AbortSignal) => Promise<T>,
    limits?: { readonly sizeBytes?: number; readonly tries?: number },
  ): Promise<S3Answer<T>>;
  /** The same, for requests with no expected failure: `what` says in words what is done. */
  ask<T>(
    what: string,
    send: (client: S3Client, abortSignal: AbortSignal) => Promise<T>,
    limits?: { readonly sizeBytes?: number },
  ): Promise<T>;
  error(what: string, failure: S3Failure): GroundcrewError;
  /** Ends waits and requests under way. */
  close(): void;
}

/** Over one client; `closed` requests fail as `storage/unavailable`. */
export function createS3Caller(
  client: S3Client,
  options: { readonly clock: Clock; readonly random: Random; readonly logger: Logger; readonly pace: S3Pace },
): S3Caller {
  const { clock, random, logger, pace } = options;
  const closing = new AbortController();
  let hasToldSkew = false;

  const once = async <T>(send: (client: S3Client, signal: AbortSignal) => Promise<T>, timeoutMs: number) => {
    const stop = new AbortController();
    const late = { isLate: false };
    const timer = clock.after(timeoutMs, () => {
      late.isLate = true;
      stop.abort();
    });
    // A timer does not keep the process alive, the request under way does.
    try {
      return await send(client, AbortSignal.any([stop.signal, closing.signal]));
    } catch (error) {
      if (!late.isLate) throw error;
      throw Object.assign(new Error(`none within ${String(Math.round(timeoutMs / 1000))} s`), { code: 'ETIMEDOUT' });
    } finally {
      timer.cancel();
    }
  };

  const caller: S3Caller = {
    async call(send, limits = {}) {
      const timeoutMs = pace.answerMs + ((limits.sizeBytes ?? 0) / pace.slowestBytesPerSecond) * 1000;
      const mostTries = limits.tries ?? pace.tries;
      for (let tries = 1; ; tries++) {
        let failure: S3Failure;
        try {
          return { isOk: true, output: await once(send, timeoutMs), tries };
        } catch (error) {
          failure = failureOf(error);
        }
        if (isSkew(failure) && !hasToldSkew) {
          hasToldSkew = true;
          // The library goes by the store's clock from now on; everything else on this machine does not.
          logger.warn('the clock is wrong, or that of the store is', { clock: skewWords(failure, clock.now()) });
        }
        if (tries >= mostTries || !isPassing(failure) || closing.signal.aborted) return { isOk: false, failure, tries };
        logger.debug('the store will be asked again', { code: failure.code, status: failure.status, tries });
        await sleep(clock, backoffMs(pace.retry, tries, random), closing.signal);
      }
    },

    async ask(what, send, limits) {
      const answer = await caller.call(send, limits);
      if (answer.isOk) return answer.output;
      throw caller.error(what, answer.failure);
    },

    error: (what, failure) => s3Error(what, failure, clock.now()),

    close() {
      closing.abort();
      client.destroy();
    },
  };
  return caller;
}

import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Holding } from '../core/worker-message.ts';
import type { CompleteLog, JobLog, LogSink } from '../logs/log-sink.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { AttemptDir } from './attempt-dir.ts';
import type { AttemptEnd, AttemptSeal } from './attempt-runner.ts';
import { saveAttachments, type AttachmentLimits } from './attachments.ts';
import { prefixOfHolding, putRunRecord } from './run-record.ts';

const sealRetryMs = 5_000;

/** What bringing the results of an attempt to the store needs. */
export interface SealTools {
  readonly store: ObjectStore;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly attachmentLimits: AttachmentLimits;
  /** One sentence for the end of the log. */
  readonly words: (end: AttemptEnd) => string;
}

/**
 * Attachments, the end of the log, the record: again and again until the store has them. What was said at the end of the log
 * is marked once it is on the disk, so a later life does not repeat it. Killed in between, it is said twice: rather that than
 * never.
 */
export async function sealAttempt(
  deps: SealTools,
  attempt: {
    readonly dir: AttemptDir;
    readonly holding: Holding;
    readonly end: AttemptEnd;
    readonly log: JobLog;
    readonly sink: LogSink;
  },
  signal: AbortSignal,
): Promise<AttemptSeal | null> {
  const { dir, holding, end, log, sink } = attempt;
  const visibility = 'public';
  let isSaved = log.wasFinished;
  let complete: CompleteLog | null = null;
  while (!signal.aborted) {
    try {
      if (!isSaved) {
        await saveAttachments({
          dir: dir.attachments,
          store: deps.store,
          prefix: prefixOfHolding(holding),
          visibility,
          limits: deps.attachmentLimits,
          signal,
          log: (line) => {
            log.note(line);
          },
        });
        log.note(deps.words(end));
        isSaved = true;
      }
      complete ??= await log.finish();
      await sink.seal(complete, signal);
      const { sha256, sizeBytes, isTruncated } = complete;
      const finished = { v: 1, worker: '', session: 0, seq: 0, kind: 'finished', ...holding, ...end } as const;
      await putRunRecord(
        deps.store,
        { v: 1, finished: { ...finished, worker: 'record' }, log: { sha256, sizeBytes, isTruncated } },
        visibility,
      );
      return { logSha256: sha256, logBytes: sizeBytes, isTruncated };
    } catch (error) {
      if (signal.aborted) return null;
      deps.logger.warn('the store does not take the results; they wait on this disk', {
        job: holding.envelope.job.id,
        why: errorLine(error),
      });
      await sleep(deps.clock, sealRetryMs, signal);
    }
  }
  return null;
}

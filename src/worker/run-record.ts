import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Job } from '../core/job.ts';
import { decodeMessage, workerMessageSchema } from '../core/message-schema.ts';
import { jobPrefix, runPrefix } from '../core/run-slug.ts';
import type { Finished, Holding } from '../core/worker-message.ts';
import type { ObjectStore, Visibility } from '../storage/object-store.ts';

/** What is known of the complete log beside the record. */
export interface RecordedLog {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly isTruncated: boolean;
}

/** One ended attempt, as it lies beside its log for the day when the ledger is lost (R9). */
export interface RunRecord {
  readonly v: 1;
  /** Whole, with the signed order in it (R10). */
  readonly finished: Finished;
  readonly log: RecordedLog;
}

const finishedSchema = workerMessageSchema.refine((message): message is Finished => message.kind === 'finished');
const runRecordSchema: z.ZodType<RunRecord> = z.object({
  v: z.literal(1),
  finished: finishedSchema,
  log: z.object({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    sizeBytes: z.int().nonnegative(),
    isTruncated: z.boolean(),
  }),
});

/** An order may carry an environment of some size; more than this is no record of ours. */
const mostRecordBytes = 4 * 1024 * 1024;

/** The key prefix of the attempt that a worker holds. */
export function prefixOfHolding({ envelope, nonce }: Holding): string {
  return runPrefix(envelope.job, { generation: envelope.generation, n: envelope.n, nonce });
}

/** Puts `run.json` beside the log of its attempt. Twice is harmless. */
export async function putRunRecord(store: ObjectStore, record: RunRecord, visibility: Visibility): Promise<void> {
  await store.put(
    `${prefixOfHolding(record.finished)}/run.json`,
    { bytes: Buffer.from(`${JSON.stringify(record)}\n`) },
    { contentType: 'application/json', visibility },
  );
}

/**
 * The records of all attempts of `job` that the store has, by key. What cannot be read as one, or tells of another job, is
 * left out; whether the order in it was ours is for the caller to check (R10).
 */
export async function readRunRecords(
  store: ObjectStore,
  job: Pick<Job, 'id' | 'subject' | 'context'>,
): Promise<readonly RunRecord[]> {
  const prefix = `${jobPrefix(job)}/`;
  const records: RunRecord[] = [];
  for await (const { key, sizeBytes } of store.list(prefix)) {
    // Directly below an attempt: an attachment in a folder may have any name.
    if (!/^[^/]+\/run\.json$/.test(key.slice(prefix.length)) || sizeBytes > mostRecordBytes) continue;
    const read = await store.get(key);
    const record = read === null ? null : decodeMessage(runRecordSchema, await text(read.body));
    if (record?.finished.envelope.job.id === job.id && key === `${prefixOfHolding(record.finished)}/run.json`) {
      records.push(record);
    }
  }
  return records;
}

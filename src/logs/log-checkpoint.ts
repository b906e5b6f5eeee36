import { z } from 'zod';
import { readSmallFile, replaceSmallFile } from '../base/small-file.ts';

const checkpointSchema = z.object({
  v: z.literal(1),
  /** The log file's first so many bytes are right, and follow from the mark and the notes. */
  fileBytes: z.int().nonnegative(),
  /** How many of them the job wrote; the others are our own lines. */
  jobBytes: z.int().nonnegative(),
  isTruncated: z.boolean(),
  /** The log was over, and all of it on the disk. Absent: it was not. */
  isFinished: z.literal(true).optional(),
  /** Where the redactor stood, in bytes of the job's raw output. */
  mark: z.object({
    consumedBytes: z.int().nonnegative(),
    coveredBytes: z.int().nonnegative(),
    isInSecret: z.boolean(),
  }),
});

/** From where a killed worker's log goes on. */
export type LogCheckpoint = Readonly<z.infer<typeof checkpointSchema>>;

/** An empty log. */
export const emptyLog: LogCheckpoint = {
  v: 1,
  fileBytes: 0,
  jobBytes: 0,
  isTruncated: false,
  mark: { consumedBytes: 0, coveredBytes: 0, isInSecret: false },
};

/** What `path` holds; `emptyLog` when there is none or it cannot be read. */
export function readCheckpoint(path: string): LogCheckpoint {
  const text = readSmallFile(path);
  if (text === null) return emptyLog;
  try {
    return checkpointSchema.parse(JSON.parse(text));
  } catch {
    return emptyLog;
  }
}

/** Replaces `path` whole. Outlives a kill, not a loss of power: then the job is gone as well. */
export function writeCheckpoint(path: string, checkpoint: LogCheckpoint): void {
  replaceSmallFile(path, JSON.stringify(checkpoint), `${path}.new`);
}

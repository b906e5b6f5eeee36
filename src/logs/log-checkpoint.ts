import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';

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
export async function readCheckpoint(path: string): Promise<LogCheckpoint> {
  try {
    return checkpointSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return emptyLog;
  }
}

/** Replaces `path` whole. Outlives a kill, not a loss of power: then the job is gone as well. */
export async function writeCheckpoint(path: string, checkpoint: LogCheckpoint): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(checkpoint));
  await rename(`${path}.new`, path);
}

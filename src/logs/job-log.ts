import { join } from 'node:path';
import type { Timer } from '../base/clock.ts';
import { GroundcrewError } from '../base/errors.ts';
import { openHashedFile, type HashedFile } from './hashed-file.ts';
import { emptyLog, readCheckpoint, writeCheckpoint, type LogCheckpoint } from './log-checkpoint.ts';
import type { CompleteLog, JobLog, JobLogOptions } from './log-sink.ts';

import { noteLine } from './note-line.ts';
import { createRedactor, type Redactor } from './redact.ts';

/** More than this waiting, and `write` makes the job wait. */
const roomBytes = 1024 * 1024;
/** Between two checkpoints, and so between two calls of `onGrew`. */
const checkpointMs = 25;
/** How long a note waits for the job to end its line. */
const noteWaitMs = 1000;
const newline = 10;

/** Opens the log in `dir`, new or as a killed worker left it. */
export async function openJobLog(options: JobLogOptions): Promise<JobLog> {
  const path = join(options.dir, 'log');
  const from = readCheckpoint(checkpointPath(options));
  const file = await openHashedFile(path, from.fileBytes);
  if (file !== null) return new FileLog(options, { path, file, from });
  // A loss of power left the file shorter than its checkpoint: the output is read from its start again.
  const empty = await openHashedFile(path, 0);
  if (empty === null) throw new GroundcrewError('logs/cannot-write', `cannot open ${path}`);
  return new FileLog(options, { path, file: empty, from: emptyLog });
}

function checkpointPath({ dir }: JobLogOptions): string {
  return join(dir, 'log.checkpoint');
}

interface Opened {
  readonly path: string;
  readonly file: HashedFile;
  readonly from: LogCheckpoint;
}

class FileLog implements JobLog {
  readonly file: string;
  readonly #options: JobLogOptions;
  readonly #file: HashedFile;
  readonly #redactor: Redactor;
  #checkpointedBytes: number;
  #checkpointedAt = -Infinity;
  #checkpointTimer: Timer | null = null;
  /** Said, but not yet on the file. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #jobBytes: number;
  #isTruncated: boolean;
  /** The last byte, pending ones included, does not end a line. */
  #isMidLine: boolean;
  #notes: Buffer[] = [];
  #noteTimer: Timer | null = null;
  #draining: Promise<void> | null = null;
  readonly wasFinished: boolean;
  /** Only one more checkpoint is to come, behind the last byte. */
  #isFinishing = false;
  #isClosed = false;

  constructor(options: JobLogOptions, { path, file, from }: Opened) {
    this.#options = options;
    this.file = path;
    this.#file = file;
    this.#redactor = createRedactor(options.secrets, from.mark);
    this.#checkpointedBytes = from.fileBytes;
    this.#jobBytes = from.jobBytes;
    this.#isTruncated = from.isTruncated;
    this.#isMidLine = file.isMidLine;
    this.wasFinished = from.isFinished === true;
    if (from.fileBytes === 0 && (options.calmMs ?? 0) > 0)
      this.#checkpointedAt = options.clock.monotonic() + (options.calmMs ?? 0) - checkpointMs;
    if (from.fileBytes > 0) options.onGrew(from.fileBytes);
    if (from.isTruncated) options.onLimit();
  }

  get outputOffset(): number {
    return this.#redactor.mark.consumedBytes;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  get isTruncated(): boolean {
    return this.#isTruncated;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#isTruncated) this.#say(this.#redactor.push(bytes));
    if (this.#pendingBytes < roomBytes) this.#kick();
    else await this.#drained();
  }

  note(line: string): void {
    this.#notes.push(noteLine(line, this.#options.secrets));
    if (this.#isMidLine) {
      this.#noteTimer ??= this.#options.clock.after(noteWaitMs, () => {
        this.#sayNotes();
        this.#kick();
      });
      return;
    }
    this.#sayNotes();
    this.#kick();
  }

  hurry(): void {
    // A calm that is on its way.
    if (this.#checkpointedAt <= this.#options.clock.monotonic()) return;
    this.#dueNow();
    this.#kick();
  }

  async settle(): Promise<void> {
    await this.#drained();
    if (this.#checkpointedBytes === this.#file.sizeBytes) return;
    this.#dueNow();
    await this.#drained();
  }

  async finish(): Promise<CompleteLog> {
    if (!this.#isTruncated) this.#say(this.#redactor.end());
    this.#sayNotes();
    this.#isFinishing = true;
    this.#checkpointTimer?.cancel();
    this.#checkpointTimer = null;
    await this.#drained();
    try {
      await this.#file.sync();
    } catch (cause) {
      throw cannotWrite(this.file, cause);
    }
    try {
      this.#checkpoint({ ...this.#state(), isFinished: true });
    } catch {
      // Without it our own last lines are said again by a later life, no worse: a full disk does not hold up the seal.
    }
    return { sizeBytes: this.#file.sizeBytes, sha256: this.#file.sha256(), isTruncated: this.#isTruncated };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#noteTimer?.cancel();
    this.#checkpointTimer?.cancel();
    await this.#draining?.catch(() => undefined);
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The next checkpoint waits for nothing. */
  #dueNow(): void {
    this.#checkpointedAt = -Infinity;
    this.#checkpointTimer?.cancel();
    this.#checkpointTimer = null;
  }

  /** The job's bytes, with waiting notes at the first line border in them. */
  #say(parts: readonly Buffer[]): void {
    for (const part of parts) {
      const border = this.#notes.length > 0 ? part.indexOf(newline) + 1 : 0;
      if (border > 0) {
        this.#sayJobs(part.subarray(0, border));
        this.#sayNotes();
      }
      this.#sayJobs(part.subarray(border));
    }
  }

  #sayJobs(part: Buffer): void {
    if (part.length === 0 || this.#isTruncated) return;
    const { limitBytes } = this.#options;
    const room = limitBytes === null ? part.length : limitBytes - this.#jobBytes;
    const kept = part.subarray(0, room);
    this.#jobBytes += kept.length;
    this.#enqueue(kept);
    if (kept.length === part.length) return;
    this.#isTruncated = true;
    this.#notes.push(noteLine(`log truncated at ${String(limitBytes)} bytes`, []));
    this.#sayNotes();
    this.#options.onLimit();
  }

  #sayNotes(): void {
    this.#noteTimer?.cancel();
    this.#noteTimer = null;
    if (this.#notes.length === 0) return;
    if (this.#isMidLine) this.#enqueue(Buffer.from('\n'));
    for (const line of this.#notes) this.#enqueue(line);
    this.#notes = [];
  }

  #enqueue(part: Buffer): void {
    if (part.length === 0) return;
    this.#pending.push(part);
    this.#pendingBytes += part.length;
    this.#isMidLine = part[part.length - 1] !== newline;
  }

  /** Starts writing, if there is something to write. A failure is met by the next who waits. */
  #kick(): void {
    if (this.#draining !== null || this.#isClosed) return;
    const isCheckpointed =
      this.#isFinishing || this.#checkpointedBytes === this.#file.sizeBytes || this.#checkpointTimer !== null;
    if (this.#pending.length === 0 && isCheckpointed) return;
    this.#draining = this.#drain().then(
      () => {
        this.#draining = null;
        this.#kick();
      },
      (error: unknown) => {
        this.#draining = null;
        throw error;
      },
    );
    this.#draining.catch(() => undefined);
  }

  async #drained(): Promise<void> {
    this.#kick();
    while (this.#draining !== null) await this.#draining;
  }

  async #drain(): Promise<void> {
    const parts = this.#pending;
    const bytes = this.#pendingBytes;
    // Taken in one go with the parts: this is the state once they are written.
    const after = { ...this.#state(), fileBytes: this.#file.sizeBytes + bytes };
    this.#pending = [];
    this.#pendingBytes = 0;
    const sinceMs = this.#options.clock.monotonic() - this.#checkpointedAt;
    try {
      await this.#file.write(parts);
      if (sinceMs >= checkpointMs && !this.#isFinishing) this.#checkpoint(after);
    } catch (cause) {
      this.#pending = [...parts, ...this.#pending];
      this.#pendingBytes += bytes;
      throw cannotWrite(this.file, cause);
    }
    this.#file.accept(parts);
    if (this.#isFinishing || this.#checkpointedBytes === after.fileBytes) return;
    this.#checkpointTimer ??= this.#options.clock.after(checkpointMs - sinceMs, () => {
      this.#checkpointTimer = null;
      this.#kick();
    });
  }

  #state(): LogCheckpoint {
    return {
      v: 1,
      fileBytes: this.#file.sizeBytes,
      jobBytes: this.#jobBytes,
      isTruncated: this.#isTruncated,
      mark: this.#redactor.mark,
    };
  }

  /**
   * What a sink may copy is checkpointed first. A restart cuts the file to the checkpoint and may say our own lines
   * elsewhere; had a sink copied more, its copy would differ from the file.
   */
  #checkpoint(state: LogCheckpoint): void {
    writeCheckpoint(checkpointPath(this.#options), state);
    this.#checkpointedAt = this.#options.clock.monotonic();
    if (state.fileBytes === this.#checkpointedBytes) return;
    this.#checkpointedBytes = state.fileBytes;
    this.#options.onGrew(state.fileBytes);
  }
}

function cannotWrite(file: string, cause: unknown): GroundcrewError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GroundcrewError('logs/cannot-write', `cannot write ${file}: ${why}`, { retry: 'later', cause });
}

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { isGroundcrewError } from '../base/errors.ts';
import type { LogSink, SealedLog } from './log-sink.ts';

/** What a test needs of an adapter: its sink for `file`, and the means to look behind it and to break it. */
export interface SinkUnderTest {
  /** A sink for the file, as a process makes one at its start; `onTrouble` is what the port's doc speaks of. */
  open(file: string, onTrouble: (error: unknown) => void): LogSink;
  /** What the sink's reader would see now: all bytes so far, and whether they are said to be complete. */
  held(): Promise<{ readonly bytes: Buffer; readonly isComplete: boolean }>;
  /** From now on everything behind the sink fails, or hangs, or works again. */
  behave(how: 'failing' | 'hanging' | 'working'): void;
}

/** One promise of the port, and its proof. */
export interface SinkClause {
  readonly title: string;
  readonly prove: (sink: SinkUnderTest, context: CleansUp) => Promise<void>;
}

/** Runs every clause against one adapter. Adapters under test retry after some milliseconds. */
export function logSinkContract(name: string, open: (context: CleansUp) => Promise<SinkUnderTest>): void {
  for (const { title, prove } of logSinkClauses) {
    test(`${name}: ${title}`, async (context) => {
      await prove(await open(context), context);
    });
  }
}

const never = new AbortController().signal;

function totalOf(bytes: Buffer): SealedLog {
  return { sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function logFile(context: CleansUp): Promise<string> {
  const file = join(await tempDir(context), 'log');
  await writeFile(file, '');
  return file;
}

function quiet(error: unknown): void {
  assert.fail(`trouble: ${String(error)}`);
}

/** The clauses, so that a test can prove that a broken adapter fails them. */
export const logSinkClauses: readonly SinkClause[] = [
  {
    title: 'a sealed log is the file, byte for byte',
    prove: async (under, context) => {
      const file = await logFile(context);
      const sink = under.open(file, quiet);
      const parts = ['first line\n', 'a \u{1f600} and ä', Buffer.from([0, 255, 128, 10]), 'x'.repeat(3_000_000)];
      let size = 0;
      for (const part of parts) {
        await appendFile(file, part);
        size += Buffer.byteLength(part);
        sink.grew(size);
      }
      const all = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
      await sink.seal(totalOf(all), never);
      const { bytes, isComplete } = await under.held();
      assert.equal(isComplete, true);
      assert.equal(bytes.equals(all), true);
    },
  },
  {
    title: 'an empty log can be sealed',
    prove: async (under, context) => {
      const file = await logFile(context);
      await under.open(file, quiet).seal(totalOf(Buffer.alloc(0)), never);
      assert.deepEqual(await under.held(), { bytes: Buffer.alloc(0), isComplete: true });
    },
  },
  {
    title: 'a log is not said to be complete before it is sealed',
    prove: async (under, context) => {
      const file = await logFile(context);
      const sink = under.open(file, quiet);
      await appendFile(file, 'so far');
      sink.grew(6);
      assert.equal((await under.held()).isComplete, false);
      await sink.seal(totalOf(Buffer.from('so far')), never);
      assert.equal((await under.held()).isComplete, true);
    },
  },
  {
    title: 'grew neither throws nor waits, and trouble is told once',
    prove: async (under, context) => {
      const file = await logFile(context);
      const troubles: unknown[] = [];
      const sink = under.open(file, (error) => troubles.push(error));
      under.behave('failing');
      const content = Buffer.from('line\n'.repeat(100));
      for (let n = 1; n <= 100; n++) {
        await appendFile(file, 'line\n');
        sink.grew(n * 5);
      }
      const giveUp = new AbortController();
      const sealing = sink.seal(totalOf(content), giveUp.signal);
      const outcome = sealing.then(
        () => 'sealed',
        (error: unknown) => error,
      );
      await until(() => troubles.length > 0);
      // Time for a second word, if there is one: a few turns of the clock.
      for (let turn = 0; turn < 40 && troubles.length < 2; turn++)
        await new Promise((resolve) => setTimeout(resolve, 1));
      giveUp.abort();
      assert.ok(isGroundcrewError(await outcome, 'logs/seal-aborted'));
      assert.equal(troubles.length, 1);
      under.behave('working');
      await sink.seal(totalOf(content), never);
      assert.deepEqual(await under.held(), { bytes: content, isComplete: true });
      assert.equal(troubles.length, 1);
    },
  },
  {
    title: 'a seal goes on trying until the sink works again',
    prove: async (under, context) => {
      const file = await logFile(context);
      const troubles: unknown[] = [];
      const sink = under.open(file, (error) => troubles.push(error));
      const content = Buffer.from('all that there is\n');
      await appendFile(file, content);
      under.behave('failing');
      const work = until(() => troubles.length > 0).then(() => {
        under.behave('working');
      });
      await Promise.all([sink.seal(totalOf(content), never), work]);
      assert.deepEqual(await under.held(), { bytes: content, isComplete: true });
    },
  },
  {
    title: 'a seal ends when it is told to, even if everything hangs',
    prove: async (under, context) => {
      const file = await logFile(context);
      const sink = under.open(file, quiet);
      const content = Buffer.from('waits\n');
      await appendFile(file, content);
      under.behave('hanging');
      sink.grew(content.length);
      const giveUp = new AbortController();
      const sealing = sink.seal(totalOf(content), giveUp.signal);
      giveUp.abort();
      await assert.rejects(sealing, (error) => isGroundcrewError(error, 'logs/seal-aborted'));
    },
  },
  {
    title: 'a later process seals what an earlier one began, however far it came',
    prove: async (under, context) => {
      const file = await logFile(context);
      // It may go on for a while, also when everything is taken down.
      const dead = under.open(file, () => undefined);
      await appendFile(file, 'half of it, ');
      dead.grew(12);
      const content = Buffer.from('half of it, and the rest');
      await appendFile(file, 'and the rest');
      const sink = under.open(file, quiet);
      sink.grew(content.length);
      await sink.seal(totalOf(content), never);
      assert.deepEqual(await under.held(), { bytes: content, isComplete: true });
      // Sealed, but the process died before it could say so.
      await under.open(file, quiet).seal(totalOf(content), never);
      assert.deepEqual(await under.held(), { bytes: content, isComplete: true });
    },
  },
  {
    title: 'a file of another size than the complete log is refused at once',
    prove: async (under, context) => {
      const file = await logFile(context);
      await appendFile(file, 'cut off');
      const total = totalOf(Buffer.from('cut off by something'));
      await assert.rejects(under.open(file, quiet).seal(total, never), (error) =>
        isGroundcrewError(error, 'logs/seal-mismatch'),
      );
      assert.equal((await under.held()).isComplete, false);
    },
  },
];

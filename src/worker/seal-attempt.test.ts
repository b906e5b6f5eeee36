import assert from 'node:assert/strict';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { holdingOf } from '../../test/support/holding.ts';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { createLogger } from '../base/logger.ts';
import { openJobLog } from '../logs/job-log.ts';
import type { LogSink } from '../logs/log-sink.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import { attemptDir, type AttemptDir } from './attempt-dir.ts';
import type { AttemptEnd, AttemptSeal } from './attempt-runner.ts';
import { sealAttempt } from './seal-attempt.ts';

const end: AttemptEnd = {
  outcome: { kind: 'passed' },
  startedAt: 1,
  endedAt: 2,
  testedSha: null,
  imageDigest: null,
  peakMemoryBytes: null,
  oom: 'no',
};

interface Attempt {
  readonly dir: AttemptDir;
  /** One life of the worker: it opens the log, lets the job say what is given, and seals. */
  live(says: string, isStoreAway: boolean): Promise<AttemptSeal | null>;
  log(): Promise<string>;
}

async function attemptOf(context: CleansUp): Promise<Attempt> {
  const root = await tempDir(context);
  const holding = holdingOf();
  const dir = attemptDir(join(root, 'attempts'), holding.nonce);
  await dir.keepHolding(holding);
  await dir.make();
  // A link is left out, and said to be.
  await symlink('/etc/passwd', join(dir.attachments, 'link'));
  const store = await createDirectoryStore({ root: join(root, 'store'), clock: systemClock });
  return {
    dir,
    log: () => readFile(join(dir.dir, 'log'), 'utf8'),
    async live(says, isStoreAway) {
      const stopped = new AbortController();
      await using log = await openJobLog({
        dir: dir.dir,
        secrets: [],
        limitBytes: null,
        clock: systemClock,
        calmMs: 60_000,
        onGrew: () => undefined,
        onLimit: () => undefined,
      });
      if (says !== '') await log.write(Buffer.from(says));
      const sink: LogSink = {
        grew: () => undefined,
        seal() {
          if (!isStoreAway) return Promise.resolve();
          stopped.abort();
          return Promise.reject(new Error('away'));
        },
      };
      const tools = {
        store,
        logger: createLogger({ level: 'error', isTerminal: false, hasColour: false, write: () => undefined }),
        clock: systemClock,
        attachmentLimits: { files: 10, totalBytes: 1000 },
        words: () => 'over',
      };
      return await sealAttempt(tools, { dir, holding, end, log, sink }, stopped.signal);
    },
  };
}

const closed = 'hi\n[groundcrew] attachments: 1 not saved: symbolic links\n[groundcrew] over\n';

test('a log that an earlier life closed is not closed again', async (t) => {
  const attempt = await attemptOf(t);
  assert.equal(await attempt.live('hi\n', true), null);
  assert.equal(await attempt.log(), closed);
  const seal = await attempt.live('', false);
  assert.equal(await attempt.log(), closed);
  assert.equal(seal?.logBytes, closed.length);
});

test('a log that is shorter than when it was closed is closed again', async (t) => {
  const attempt = await attemptOf(t);
  assert.equal(await attempt.live('hi\n', true), null);
  // As a loss of power may leave it.
  await rm(join(attempt.dir.dir, 'log.checkpoint'));
  await attempt.live('hi\n', false);
  assert.equal(await attempt.log(), closed);
});

test('a life that was killed between the closing notes and their mark says them twice, not never', async (t) => {
  const attempt = await attemptOf(t);
  await attempt.live('hi\n', true);
  const file = join(attempt.dir.dir, 'log.checkpoint');
  const { isFinished, ...checkpoint } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  assert.equal(isFinished, true);
  await writeFile(file, JSON.stringify(checkpoint));
  await attempt.live('', false);
  assert.equal((await attempt.log()).split('[groundcrew] over\n').length, 3);
});

test('a log whose closing could not be marked is sealed all the same', async (t) => {
  const attempt = await attemptOf(t);
  await mkdir(join(attempt.dir.dir, 'log.checkpoint.new'));
  assert.equal((await attempt.live('hi\n', false))?.logBytes, closed.length);
});

import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceDurably, replaceSmallFile } from '../base/small-file.ts';
import { holdingSchema } from '../core/message-schema.ts';
import type { Holding } from '../core/worker-message.ts';
import type { RunSpec } from '../executors/executor.ts';
import type { StopReason } from './attempt-outcome.ts';
import type { AttemptEnd } from './attempt-runner.ts';

/** Which executor runs an attempt, and what it was told: enough to find the run again after a restart of the worker. */
export interface StartedRun {
  readonly executor: string;
  readonly spec: RunSpec;
  readonly testedSha: string;
  /** Epoch ms. */
  readonly startedAt: number;
}

/** The directory of one attempt on this machine, named by its nonce. What stands here survives a kill of the worker. */
export interface AttemptDir {
  readonly dir: string;
  readonly checkout: string;
  readonly attachments: string;
  /** The executor's own. */
  readonly state: string;
  readonly secrets: string;
  holding(): Promise<Holding | null>;
  keepHolding(holding: Holding): Promise<void>;
  started(): Promise<StartedRun | null>;
  keepStarted(started: StartedRun): Promise<void>;
  /** Why this worker stops the run; written before it does, so that a later life comes to the same end. */
  stopReason(): Promise<StopReason | null>;
  keepStopReason(reason: StopReason): Promise<void>;
  end(): Promise<AttemptEnd | null>;
  keepEnd(end: AttemptEnd): Promise<void>;
  /** The texts of the secrets that the run was given, as they were then. */
  secretTexts(): Promise<readonly Uint8Array[]>;
  /** Makes the directory for attachments; the others are made by those who fill them. */
  make(): Promise<void>;
}

/** The attempt with this nonce below `root`; touches nothing. */
export function attemptDir(root: string, nonce: string): AttemptDir {
  const dir = join(root, nonce);
  const file = (name: string): string => join(dir, name);
  let startedByUs: StartedRun | null = null;
  return {
    dir,
    checkout: file('checkout'),
    attachments: file('attachments'),
    state: file('run'),
    secrets: file('secrets'),
    async holding() {
      const parsed = z.object(holdingSchema).safeParse(await readJson(file('holding.json')));
      return parsed.success ? parsed.data : null;
    },
    async keepHolding(holding) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      await keepJson(dir, 'holding.json', holding);
    },
    // Only we write these, and by rename: what is there is whole.
    started: async () => startedByUs ?? ((await readJson(file('started.json'))) as StartedRun | null),
    // Outlives a kill, not a loss of power, as what it names does not either.
    async keepStarted(started) {
      replaceSmallFile(file('started.json'), JSON.stringify(started), file('.started.json'));
      startedByUs = started;
    },
    stopReason: async () => (await readJson(file('stop.json'))) as StopReason | null,
    keepStopReason: (reason) => keepJson(dir, 'stop.json', reason),
    end: async () => (await readJson(file('end.json'))) as AttemptEnd | null,
    keepEnd: (end) => keepJson(dir, 'end.json', end),
    async secretTexts() {
      const names = await readdir(file('secrets')).catch(() => []);
      return await Promise.all(names.map((name) => readFile(join(file('secrets'), name))));
    },
    make() {
      mkdirSync(file('attachments'), { recursive: true, mode: 0o700 });
      return Promise.resolve();
    },
  };
}

/** The nonces of all attempts that left a directory below `root`. */
export async function listAttempts(root: string): Promise<readonly string[]> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  return (await readdir(root)).filter((name) => /^[0-9a-f]{16}$/.test(name));
}

async function readJson(path: string): Promise<unknown> {
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return null;
  }
}

/** By rename, and on the disk when it resolves. What a loss of power left half is read as nothing. */
function keepJson(dir: string, name: string, value: unknown): Promise<void> {
  return replaceDurably(join(dir, name), JSON.stringify(value), join(dir, `.${name}`));
}

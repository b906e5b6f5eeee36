import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '../../src/base/clock.ts';
import { createTerminal } from '../../src/cli/output/terminal.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import type { CommandContext, Wiring } from '../../src/cli/wiring.ts';
import type { FakeWorld } from './fake-web-deps.ts';

/** How a command line ended and what it wrote. */
export interface CliEnd {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a test says about the process around a command line. */
export interface CliAround {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Stdout is a terminal of so many columns. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  readonly wiring?: Partial<Wiring>;
}

/** Runs a command line in this process, on a house that the test makes. What the test does not wire throws. */
export async function runCliWith(words: readonly string[], around: CliAround = {}): Promise<CliEnd> {
  const stdout = Object.assign(
    new PassThrough(),
    around.columns === undefined ? {} : { isTTY: true as const, columns: around.columns },
  );
  const stderr = new PassThrough();
  const texts = Promise.all([buffer(stdout), buffer(stderr)]);
  const env = { HOME: '/nonexistent', LANG: 'C.UTF-8', PATH: process.env['PATH'] ?? '', ...around.env };
  const context: CommandContext = {
    env,
    cwd: around.cwd ?? '/',
    out: createTerminal(stdout, env),
    err: createTerminal(stderr, env),
    clock: systemClock,
    user: 'ada',
    version: '0.0.0-test',
    interruption: () => around.signal ?? new AbortController().signal,
    wiring: async () => ({ ...unwired, ...around.wiring }),
  };
  const code = await runCli(words, context);
  stdout.end();
  stderr.end();
  const [out, err] = await texts;
  return { code, out: out.toString(), err: err.toString() };
}

/** The part of the house that lists and logs need, over an in-memory world. */
export function readingWiring(world: FakeWorld): Partial<Wiring> {
  return {
    openReader: async () => world.deps.reader,
    openLogs: async () => world.deps.openLog,
    words: world.deps.words,
  };
}

const never = (): never => {
  throw new Error('the test did not wire this');
};

const unwired: Wiring = {
  openReader: never,
  openLogs: never,
  words: { whyWaiting: never, standing: never },
  up: never,
  server: never,
  worker: never,
  run: never,
  trials: never,
  checkForge: never,
  checkBroker: never,
  tendBroker: never,
  checkStores: async () => [],
  hasHook: never,
  installHook: never,
  removeHook: never,
};

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../src/core/outcome.ts';
import type { HeldChange, RunDetail, RunSummary } from '../../src/ledger/ledger-reader.ts';
import { endWhatRunsIn, removeContainersOf } from './end-processes.ts';
import { makeRepo, type TestRepo } from './git-repo.ts';
import { type CleansUp, openTempDir, removeTempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** How a command line ended. */
export interface ProgramEnd {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A running groundcrew. */
export interface Program {
  readonly pid: number;
  out(): string;
  err(): string;
  readonly ended: Promise<ProgramEnd>;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<ProgramEnd>;
}

/** A server that is ready, and its API. */
export interface House {
  readonly program: Program;
  readonly url: string;
  readonly token: string;
  get(path: string): Promise<Response>;
  ask(
    body: Readonly<Record<string, unknown>>,
    token?: string | null,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
  runs(): Promise<readonly RunSummary[]>;
  run(id: string): Promise<RunDetail>;
  held(): Promise<readonly HeldChange[]>;
  /** Waits for a run of that commit (and state, if said), and returns the newest. */
  runOf(sha: string, state?: RunSummary['state']): Promise<RunSummary>;
  /** Waits until the run of that commit has ended and its log is sealed. */
  ended(sha: string): Promise<EndedRun>;
  /** The log of a run as far as it is in the store. */
  log(jobId: string): Promise<string>;
}

/** A run that is over. */
export interface EndedRun {
  readonly summary: RunSummary;
  readonly detail: RunDetail;
  readonly outcome: Outcome;
  readonly log: string;
}

/** A user of groundcrew with a home of their own. */
export interface Crew {
  readonly root: string;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** A new repository `<root>/<name>`, empty. */
  repo(name?: string): TestRepo;
  /** Writes `groundcrew.yaml`, which is used from then on. */
  configure(yaml: string): void;
  /** Starts the program and does not wait. */
  start(words: readonly string[], options?: StartOptions): Program;
  /** Runs a command to its end. */
  cli(...words: string[]): Promise<ProgramEnd>;
  /** `up --port 0 --executor process`, until it is ready. */
  up(...words: string[]): Promise<House>;
  /** The same for `server`. */
  server(...words: string[]): Promise<House>;
}

/** What one start says beside the words. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const main = join(import.meta.dirname, '../../src/cli/main.ts');
// As bin/groundcrew has them for who serves.
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2'];
const isOver = (run: RunDetail): boolean =>
  run.summary.state === 'ended' &&
  run.attempts.every(
    ({ state, claimedAt, logSha256 }) => state !== 'live' && (claimedAt === null || logSha256 !== null),
  );

/** A home with nothing in it. Whatever is started there, jobs included, is ended after the test, also a failed one. */
export async function openCrew(context: CleansUp): Promise<Crew> {
  const root = await openTempDir();
  const stateDir = join(root, 's');
  const programs: Program[] = [];
  context.after(async () => {
    await Promise.all(programs.map((program) => program.end('SIGKILL')));
    await endWhatRunsIn(root);
    await removeContainersOf(root);
    await removeTempDir(root);
  });
  const home = join(root, 'home');
  mkdirSync(home);
  const { PATH = '/usr/bin:/bin', NODE_COMPILE_CACHE = join(tmpdir(), 'groundcrew-test-compiled') } = process.env;
  const marks = Object.entries(process.env).filter(([name]) => name.startsWith('GROUNDCREW_TEST'));
  const env: Record<string, string> = {
    ...Object.fromEntries(marks.map(([name, value]) => [name, value ?? ''])),
    PATH,
    NODE_COMPILE_CACHE,
    HOME: home,
    TMPDIR: tmpdir(),
    LANG: 'C.UTF-8',
    GROUNDCREW_STATE_DIR: stateDir,
    GIT_CONFIG_NOSYSTEM: '1',
  };

  const start = (words: readonly string[], options: StartOptions = {}): Program => {
    const child = spawn(process.execPath, [...nodeFlags, main, ...words], {
      cwd: options.cwd ?? root,
      env: { ...env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const program = programOf(child);
    programs.push(program);
    return program;
  };

  const serve = async (words: readonly string[]): Promise<House> => {
    const program = start(words);
    const note = join(stateDir, 'server.json');
    const found = await until(
      () => {
        if (hasEnded(program)) throw new Error(`${words.join(' ')} ended: ${program.err()}`);
        const server = JSON.parse(readFileSync(note, 'utf8')) as { url: string; token: string; pid: number };
        return server.pid === program.pid ? server : null;
      },
      { within: 60_000, what: `${words.join(' ')} to listen` },
    );
    const house = houseAt(program, found);
    await until(async () => (await house.get('/readyz')).ok, { within: 60_000, what: 'the server to be ready' });
    return house;
  };

  return {
    root,
    stateDir,
    env,
    repo: (name = 'demo') => makeRepo(join(root, name)),
    configure(yaml) {
      const file = join(root, 'groundcrew.yaml');
      writeFileSync(file, yaml);
      env['GROUNDCREW_CONFIG'] = file;
    },
    start,
    cli: (...words) => start(words).ended,
    up: (...words) => serve(['up', '--port', '0', '--executor', 'process', ...words]),
    server: (...words) => serve(['server', '--port', '0', ...words]),
  };
}

const over = new WeakSet<Program>();

function hasEnded(program: Program): boolean {
  return over.has(program);
}

function programOf(child: ChildProcess): Program {
  let out = '';
  let err = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      over.add(program);
      resolve({ code, out, err });
    });
  });
  const program: Program = {
    pid: child.pid ?? 0,
    out: () => out,
    err: () => err,
    ended,
    async end(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return await ended;
    },
  };
  return program;
}

function houseAt(program: Program, { url, token }: { readonly url: string; readonly token: string }): House {
  const get = (path: string): Promise<Response> => fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
  const json = async <T>(path: string): Promise<T> => {
    const response = await get(path);
    if (!response.ok) throw new Error(`${path}: ${String(response.status)} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const runs = async (): Promise<readonly RunSummary[]> =>
    (await json<{ runs: readonly RunSummary[] }>('/api/runs?limit=500')).runs;
  const run = (id: string): Promise<RunDetail> => json<RunDetail>(`/api/runs/${id}`);
  const log = async (jobId: string): Promise<string> => await (await get(`/api/runs/${jobId}/log`)).text();
  const runOf = (sha: string, state?: RunSummary['state']): Promise<RunSummary> =>
    until(
      async () => {
        const found = (await runs()).find((one) => one.sha === sha);
        return found !== undefined && (state === undefined || found.state === state) ? found : null;
      },
      { within: 60_000, what: `a run of ${sha.slice(0, 12)}${state === undefined ? '' : ` that is ${state}`}` },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${program.err()}`, { cause: error });
    });
  return {
    program,
    url,
    token,
    get,
    async ask(body, with_ = token) {
      const response = await fetch(`${url}/api/requests`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(with_ === null ? {} : { authorization: `Bearer ${with_}` }),
        },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
    },
    runs,
    run,
    held: () => json('/api/held'),
    runOf,
    async ended(sha) {
      const { jobId } = await runOf(sha, 'ended');
      const detail = await until(
        async () => {
          const found = await run(jobId);
          return isOver(found) ? found : null;
        },
        { within: 60_000, what: 'the log to be sealed' },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${program.err()}`, { cause: error });
      });
      const { outcome } = detail.summary;
      if (outcome === null) throw new Error('an ended run without an outcome');
      return { summary: detail.summary, detail, outcome, log: await log(jobId) };
    },
    log,
  };
}

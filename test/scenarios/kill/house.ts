import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const launcher = join(import.meta.dirname, '../../../bin/groundcrew');

/** `up`: one process. `apart`: a server and two workers. */
export type Form = 'up' | 'apart';

/** A process of ours, started again whenever it was killed. */
export interface Part {
  readonly name: string;
  readonly args: readonly string[];
  readonly isServer: boolean;
  /** The process that runs now; it leads a process group of its own. Null between two lives. */
  child: ChildProcess | null;
  /** We ended it: its end says nothing against it. */
  isKilled: boolean;
  /** When it was started last, by `performance.now()`. */
  startedAt: number;
}

/** How another program ended. `text` is what it printed, else what it complained about. */
export interface ProgramEnd {
  readonly exitCode: number;
  readonly text: string;
}

/** groundcrew, started for real on a state directory of its own. */
export interface House {
  readonly dir: string;
  readonly stateDir: string;
  readonly tempDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly parts: readonly Part[];
  /** One line for every part that ended though nobody ended it. */
  readonly crashes: readonly string[];
  start(part: Part): void;
  /** SIGTERM to all; resolves when they have ended. SIGKILL after 20 s, which counts as a crash. */
  stop(): Promise<void>;
  /** Ends everything at once; for cleaning up. */
  destroy(): void;
  /** Answer of the running server, or null when there is none to answer. */
  ask(path: string, body?: object): Promise<{ readonly status: number; readonly body: unknown } | null>;
  /** Runs another groundcrew command on the same configuration to its end. */
  command(...args: readonly string[]): Promise<ProgramEnd>;
  /** The last lines that the parts wrote. */
  said(lines: number): Promise<string>;
}

/** What a house may be told besides. */
export interface HouseWishes {
  /** How often it looks at the repository unasked. */
  readonly poll?: string;
  /** Jobs run in podman, in this image; null: as processes. */
  readonly image?: string | null;
}

/** Writes the configuration for `repoDir` below `dir`; starts nothing. */
export async function makeHouse(
  dir: string,
  form: Form,
  repoDir: string,
  { poll = '2s', image = null }: HouseWishes = {},
): Promise<House> {
  const stateDir = join(dir, 'state');
  const tempDir = join(dir, 'tmp');
  await mkdir(tempDir, { recursive: true });
  const config = join(dir, 'groundcrew.yaml');
  const lines = [
    `stateDir: ${stateDir}`,
    'server: { port: 0 }',
    'projects:',
    `  - { name: demo, path: ${repoDir}, poll: ${poll} }`,
    `worker: { slots: 2, executor: ${image === null ? 'process' : 'podman'}, grace: 2s, minFreeDisk: 64MiB }`,
    ...(image === null ? [] : [`defaults: { container: ${image} }`]),
    // A job that is hit again and again is nobody's failure here; the plan itself is the ledger tests' business.
    'dispatch: { attempts: 10 }',
    'logs: { level: debug, flush: 100ms }',
    '',
  ];
  await writeFile(config, lines.join('\n'));
  const env = {
    ...process.env,
    // A rootless podman has its images there.
    ...(image === null ? { HOME: dir } : {}),
    TMPDIR: tempDir,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    NODE_COMPILE_CACHE: join(dir, 'compiled'),
  };
  const part = (name: string, isServer: boolean, ...args: string[]): Part => ({
    name,
    args: [...args, '--config', config],
    isServer,
    child: null,
    isKilled: false,
    startedAt: 0,
  });
  const parts =
    form === 'up'
      ? [part('up', true, 'up')]
      : [
          part('server', true, 'server'),
          part('worker-one', false, 'worker', '--name', 'one', '--on-term', 'keep'),
          part('worker-two', false, 'worker', '--name', 'two', '--on-term', 'keep'),
        ];
  const crashes: string[] = [];
  const logOf = ({ name }: Part): string => join(dir, `${name}.log`);

  const start = (one: Part): void => {
    const log = createWriteStream(logOf(one), { flags: 'a' });
    const child = spawn(launcher, one.args, { cwd: dir, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    one.child = child;
    one.isKilled = false;
    one.startedAt = performance.now();
    child.on('close', (code, signal) => {
      log.end();
      // The pipes of a killed one may stay open in a git of its, until the next one runs.
      if (one.child !== child) return;
      one.child = null;
      if (!one.isKilled) crashes.push(`${one.name} ended by itself: ${String(code ?? signal)}`);
    });
  };

  return {
    dir,
    stateDir,
    tempDir,
    env,
    parts,
    crashes,
    start,
    async stop() {
      await Promise.all(
        parts.map(async (one) => {
          const { child } = one;
          if (child === null) return;
          const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
          one.isKilled = true;
          child.kill('SIGTERM');
          const timer = setTimeout(() => {
            crashes.push(`${one.name} did not leave within 20 s`);
            signalGroup(child, 'SIGKILL');
          }, 20_000);
          await closed;
          clearTimeout(timer);
        }),
      );
    },
    destroy() {
      for (const one of parts) {
        one.isKilled = true;
        if (one.child !== null) signalGroup(one.child, 'SIGKILL');
      }
    },
    async ask(path, body) {
      try {
        const { url, token } = JSON.parse(await readFile(join(stateDir, 'server.json'), 'utf8')) as Record<
          string,
          string
        >;
        const response = await fetch(`${url ?? ''}${path}`, {
          ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
          headers: { authorization: `Bearer ${token ?? ''}`, 'content-type': 'application/json' },
          signal: AbortSignal.timeout(5_000),
        });
        const text = await response.text();
        return {
          status: response.status,
          body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
        };
      } catch {
        return null;
      }
    },
    command: (...args) => runProgram(launcher, [...args, '--config', config], { dir, env }),
    async said(count) {
      const texts = await Promise.all(
        parts.map(async (one) => {
          const text = await readFile(logOf(one), 'utf8').catch(() => '');
          return [`--- ${one.name}`, ...text.trimEnd().split('\n').slice(-count)].join('\n');
        }),
      );
      return texts.join('\n');
    },
  };
}

/** A line in the parts' logs that says what we did to them, beside what they say. */
export async function noteInLogs(house: House, text: string): Promise<void> {
  for (const { name } of house.parts) await appendFile(join(house.dir, `${name}.log`), `=== ${text}\n`);
}

/** Signals a whole process group that we made; false when it is gone. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/** Runs a program in the house's environment to its end. */
export async function runProgram(
  file: string,
  args: readonly string[],
  house: Pick<House, 'dir' | 'env'>,
): Promise<ProgramEnd> {
  try {
    const { stdout } = await promisify(execFile)(file, [...args], {
      cwd: house.dir,
      env: house.env,
      maxBuffer: 2 ** 28,
    });
    return { exitCode: 0, text: stdout };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
    return { exitCode: typeof code === 'number' ? code : -1, text: stdout === '' ? stderr : stdout };
  }
}

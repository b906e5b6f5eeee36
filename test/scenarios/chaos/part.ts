import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A process that faults hit, or a broker. Times are epoch ms. */
export interface Part {
  readonly name: string;
  readonly state: 'down' | 'up' | 'paused';
  /** When it was started last. */
  readonly startedAt: number;
  /** Pid of the process that leads its group; null while it is down. */
  readonly pid: number | null;
  /** A fault is at work on it, or it comes back from one. Who begins one sets it, and takes it away. */
  isTaken: boolean;
  /** Resolves when it can be used. */
  start(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP to all of its group; true when the kernel says that it stands still. */
  pause(): Promise<boolean>;
  resume(): void;
  /** SIGTERM; SIGKILL after 30 s, which counts as a crash. */
  stop(): Promise<void>;
}

/** How a part of ours is run. */
export interface PartOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** Hears a line when it ends though nobody ended it. */
  readonly onCrash: (line: string) => void;
  /** Called with each new process; resolves when it can be used. */
  readonly whenReady?: (child: ChildProcess) => Promise<void>;
  readonly hasChannel?: boolean;
}

/** As a service manager would wait before it starts a program again that ended by itself. */
const againAfterMs = 1_000;

/** A Node program of ours that is started again and again; also by itself when it crashed. */
export function createPart(options: PartOptions): Part {
  let child: ChildProcess | null = null;
  let isExpected = false;
  let gone: Promise<void> = Promise.resolve();
  let startedAt = 0;
  let isPaused = false;

  const signal = (name: NodeJS.Signals): boolean => child?.pid !== undefined && signalGroup(child.pid, name);
  const part: Part = {
    name: options.name,
    isTaken: false,
    get state() {
      if (child === null) return 'down';
      return isPaused ? 'paused' : 'up';
    },
    get startedAt() {
      return startedAt;
    },
    get pid() {
      return child?.pid ?? null;
    },
    async start() {
      const log = openSync(options.logFile, 'a');
      const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...options.args], {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: ['ignore', log, log, ...(options.hasChannel === true ? (['ipc'] as const) : [])],
      });
      closeSync(log);
      child = started;
      isExpected = false;
      isPaused = false;
      startedAt = Date.now();
      gone = new Promise((resolve) => {
        started.once('exit', (code, by) => {
          if (child === started) child = null;
          resolve();
          if (isExpected) return;
          options.onCrash(`${options.name} ended by itself: ${String(code ?? by)}`);
          setTimeout(() => {
            if (!isExpected && child === null) void part.start();
          }, againAfterMs);
        });
      });
      await options.whenReady?.(started);
    },
    async kill() {
      isExpected = true;
      signal('SIGKILL');
      await gone;
    },
    async pause() {
      if (child?.pid === undefined || !signal('SIGSTOP')) return false;
      isPaused = await standsStill(child.pid);
      return isPaused;
    },
    resume() {
      isPaused = false;
      signal('SIGCONT');
    },
    async stop() {
      isExpected = true;
      if (child === null) return;
      child.kill('SIGTERM');
      const hard = setTimeout(() => {
        options.onCrash(`${options.name} did not leave within 30 s`);
        signal('SIGKILL');
      }, 30_000);
      await gone;
      clearTimeout(hard);
    },
  };
  return part;
}

/** Signals a process group that we made; false when it is gone. */
export function signalGroup(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, name);
  } catch {
    return false;
  }
}

/** Whether a process has come to a stop (state T), waited for a second at most. */
export async function standsStill(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
      if (stat.slice(stat.lastIndexOf(') ') + 2).startsWith('T')) return true;
    } catch {
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

/** A line in a log that says what we did, beside what the part says. */
export function noteIn(dir: string, name: string, text: string): void {
  appendFileSync(join(dir, `${name}.log`), `=== ${new Date().toISOString()} ${text}\n`);
}

import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { GroundcrewError } from './errors.ts';

/** How to run a command. `env` is the whole environment, nothing is inherited. */
export interface ExecOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Kills the whole process group: SIGTERM, then SIGKILL after `graceMs`. */
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly graceMs?: number;
  /** Kept of each stream; the rest is read and dropped, and `isTruncated` says so. Default 1 MiB. */
  readonly maxOutputBytes?: number;
  /** Hears stderr as it comes, e.g. for progress. */
  readonly onStderr?: (bytes: Uint8Array) => void;
  /** Said on descriptor 3, which is a socket, to whoever below asks there with a line, as often as somebody asks. */
  readonly answer?: string;
}

/** How a command ended. `exitCode` is 128 + signal number for a death by signal. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly isTruncated: boolean;
  /** `timeout` or `aborted` when we killed it. */
  readonly killedBy: 'timeout' | 'aborted' | null;
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

const lineEnd = 10;

/** Exit status as a shell would say it. */
export function shellStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signalNumbers[signal ?? ''] ?? 0);
}

/**
 * Runs a program to its end in a process group of its own, with byte-exact bounded output. A failing exit status is a
 * value, not an error.
 * @throws GroundcrewError `exec/cannot-start` when there is no such program or it cannot be started.
 */
export function exec(argv: readonly [string, ...string[]], options: ExecOptions): Promise<ExecResult> {
  const most = options.maxOutputBytes ?? 1024 * 1024;
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: [
        options.input === undefined ? 'ignore' : 'pipe',
        'pipe',
        'pipe',
        ...(options.answer === undefined ? [] : ['pipe' as const]),
      ],
      detached: true,
    });
    const out = new Kept(most);
    const err = new Kept(most);
    let killedBy: ExecResult['killedBy'] = null;
    const timers: NodeJS.Timeout[] = [];
    const killGroup = (signal: NodeJS.Signals): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, signal);
      } catch {
        // The group is gone already.
      }
    };
    const kill = (why: 'timeout' | 'aborted'): void => {
      if (killedBy !== null) return;
      killedBy = why;
      killGroup('SIGTERM');
      timers.push(setTimeout(killGroup, options.graceMs ?? 2000, 'SIGKILL'));
    };
    const onAbort = (): void => {
      kill('aborted');
    };
    const done = (): void => {
      for (const timer of timers) clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    };
    if (options.timeoutMs !== undefined) timers.push(setTimeout(kill, options.timeoutMs, 'timeout'));
    options.signal?.addEventListener('abort', onAbort, { once: true });
    if (options.signal?.aborted === true) onAbort();
    child.stdout?.on('data', (bytes: Buffer) => {
      out.add(bytes);
    });
    child.stderr?.on('data', (bytes: Buffer) => {
      options.onStderr?.(bytes);
      err.add(bytes);
    });
    // A program that does not read its input closes the pipe; its exit status tells the story.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
    const asking = child.stdio[3];
    if (asking instanceof Socket) {
      asking.on('error', () => undefined);
      asking.on('data', (bytes: Buffer) => {
        for (const byte of bytes) if (byte === lineEnd) asking.write(options.answer ?? '');
      });
    }
    child.on('error', (cause) => {
      done();
      reject(new GroundcrewError('exec/cannot-start', `cannot start ${file}: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      done();
      resolve({
        exitCode: shellStatus(code, signal),
        stdout: out.bytes(),
        stderr: err.bytes(),
        isTruncated: out.isTruncated || err.isTruncated,
        killedBy,
      });
    });
  });
}

/** The first `most` bytes of a stream. */
class Kept {
  isTruncated = false;
  readonly #most: number;
  readonly #parts: Buffer[] = [];
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(bytes: Buffer): void {
    const room = this.#most - this.#size;
    if (bytes.length > room) this.isTruncated = true;
    if (room <= 0) return;
    const part = bytes.subarray(0, room);
    this.#parts.push(part);
    this.#size += part.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

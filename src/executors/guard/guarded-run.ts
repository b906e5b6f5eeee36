import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, linkSync, openSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sleep, type Clock } from '../../base/clock.ts';
import { writeSmallFile } from '../../base/small-file.ts';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';
import { removeCgroups } from '../cgroup.ts';
import { removeSecrets } from '../secret-copies.ts';
import type { OomEvidence, Run, RunEnd, StopCause } from '../executor.ts';
import {
  bootId,
  isRunning,
  readIdentity,
  readText,
  removeNotes,
  writtenAt,
  type ProcessIdentity,
  type RunNotes,
} from './guard-state.ts';
import { openFileBell } from './file-bell.ts';
import { killCarriers, sendSignal } from './nonce-sweep.ts';
import { relayedOutput } from './relayed-output.ts';

/** A relay needs less to come to its end. */
const hurryMs = 250;

/** What differs between a plain process and a container, once the guard runs it. */
export interface GuardedEngine {
  /** Signals the job; false while there is nothing to signal yet, or any more. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean>;
  /** What is known of memory, asked after the end. */
  memory(): Promise<{ readonly oom: OomEvidence; readonly peakMemoryBytes: number | null }>;
  /** The broken end when the job's command never started; null when it did. */
  startFailure(exitCode: number): Promise<Extract<RunEnd, { kind: 'broken' }> | null>;
  /** Removes what the engine keeps of the run. Twice is harmless. */
  remove(): Promise<void>;
  /** Where the job's files outside of the spec's directories are. */
  diskDirs(): Promise<readonly string[]>;
}

/** What a guarded run is made of. */
export interface GuardedRunParts {
  readonly dir: string;
  readonly notes: RunNotes;
  readonly engine: GuardedEngine;
  readonly clock: Clock;
  /** Called when everything is gone. */
  readonly forget: () => void;
}

/**
 * A run whose guard we started or found again: everything it knows is in the guard's files, so a run that was adopted
 * and one that was started are the same.
 */
export class GuardedRun implements Run {
  readonly id: string;
  readonly imageDigest: string | null;
  readonly #parts: GuardedRunParts;
  #guard: ProcessIdentity | null = null;
  #end: Promise<RunEnd> | null = null;

  constructor(parts: GuardedRunParts) {
    this.#parts = parts;
    this.id = parts.notes.id;
    this.imageDigest = parts.notes.imageDigest;
  }

  async *output(offset: number): AsyncGenerator<Uint8Array, void, void> {
    const { dir, clock, notes } = this.#parts;
    const marker = Buffer.from(notes.marker);
    yield* relayedOutput({ dir, marker, offset, clock, isGuardRunning: () => this.isGuardRunning() });
    await this.#hurry();
  }

  wait(): Promise<RunEnd> {
    this.#end ??= this.#watch().catch((error: unknown) => broken(`the run's notes cannot be read: ${String(error)}`));
    return this.#end;
  }

  async stop(graceMs: number): Promise<void> {
    const { dir, engine, clock } = this.#parts;
    if (this.#isOver()) {
      await this.wait();
      return;
    }
    if (!existsSync(join(dir, 'ended'))) firstCause(dir, 'stopped');
    const over = new AbortController();
    const ended = this.wait().then(() => {
      over.abort();
    });
    const killAt = clock.monotonic() + graceMs;
    let isAsked = false;
    while (!over.signal.aborted) {
      const isTimeUp = clock.monotonic() >= killAt;
      // Asked until there is somebody to ask: a stop may come before the job has its process.
      if (!isAsked && !isTimeUp) isAsked = await engine.signal('SIGTERM');
      if (isTimeUp) await this.#kill();
      const pauseMs = isTimeUp ? 50 : isAsked ? killAt - clock.monotonic() : 10;
      await sleep(clock, Math.max(1, pauseMs), over.signal);
    }
    await ended;
  }

  diskDirs(): Promise<readonly string[]> {
    return this.#parts.engine.diskDirs();
  }

  async cleanup(): Promise<void> {
    const { dir, notes, engine, clock, forget } = this.#parts;
    await this.stop(0);
    const sweep = async (): Promise<void> => {
      // What the guard did need not be done again: with a few hundred processes a look at each is most of a short run's cost.
      if (existsSync(join(dir, 'swept'))) return;
      await killCarriers(notes.nonce, notes.cgroups, { clock, mostMs: 10_000 });
    };
    // Only what carries the nonce begets more of it, so this need not wait until the container is taken down.
    await Promise.all([sweep(), this.#guardIsGone()]);
    if (!existsSync(join(dir, 'removed'))) {
      await engine.remove();
      if (notes.kind === 'container') await sweep();
    }
    if (!this.isGuardRunning() && (!existsSync(join(dir, 'done')) || (await this.#keepsGroup()))) {
      // Killed, and be it after it was done, it left its watch, which would signal a process number that is long somebody
      // else's when the time is out.
      await killCarriers(notes.nonce, [], { clock, mostMs: 10_000, variable: 'GROUNDCREW_GUARD' });
    }
    removeCgroups(notes.cgroups);
    await removeSecrets(dirname(dir), [join(dir, notes.kind === 'group' ? 'job.sh' : 'launch.sh')]);
    removeNotes(dir);
    forget();
  }

  /** True while the guard of this boot runs. */
  isGuardRunning(): boolean {
    const { dir, notes } = this.#parts;
    if (this.#guard === null) {
      if (notes.bootId !== bootId()) return false;
      this.#guard = readIdentity(join(dir, 'guard'));
    }
    return this.#guard !== null && isRunning(this.#guard);
  }

  /**
   * The guard's last act is to end its group, itself included; a zombie is in it until it is reaped. A group of somebody else
   * by that number costs a look.
   */
  async #keepsGroup(): Promise<boolean> {
    const { clock } = this.#parts;
    const guard = this.#guard;
    if (guard === null) return false;
    const until = clock.monotonic() + 50;
    while (isGroup(guard.pid)) {
      if (clock.monotonic() >= until) return true;
      await sleep(clock, 5);
    }
    return false;
  }

  /** The guard removes the container by itself; it outlives us, we only give it time to be thorough. */
  async #guardIsGone(): Promise<void> {
    const { clock } = this.#parts;
    const until = clock.monotonic() + 15_000;
    while (this.isGuardRunning() && clock.monotonic() < until) await sleep(clock, 5);
  }

  #isOver(): boolean {
    const { dir } = this.#parts;
    if (existsSync(join(dir, 'done')) || existsSync(join(dir, 'lost'))) return true;
    return !this.isGuardRunning();
  }

  /** A process that escaped holds the pipe open: the guard looks for the end of the output only when it is told to. */
  async #hurry(): Promise<void> {
    const { dir, clock } = this.#parts;
    let hurryAt = clock.monotonic() + hurryMs;
    while (existsSync(join(dir, 'ended')) && !this.#isOver()) {
      await sleep(clock, 10);
      if (clock.monotonic() < hurryAt) continue;
      hurryAt = clock.monotonic() + hurryMs;
      // One of an earlier version has no bell and would die of the signal.
      if (!existsSync(join(dir, 'bell')) || this.#isOver()) return;
      if (this.#guard !== null && isRunning(this.#guard)) sendSignal(this.#guard.pid, 'SIGUSR1');
    }
  }

  async #kill(): Promise<void> {
    const { engine, notes, clock } = this.#parts;
    await engine.signal('SIGKILL');
    await killCarriers(notes.nonce, notes.cgroups, { clock, mostMs: 1000 });
  }

  async #watch(): Promise<RunEnd> {
    const { dir, clock, engine } = this.#parts;
    const bell = openFileBell(join(dir, 'bell'));
    try {
      while (!this.#isOver()) {
        await bell.wait(clock);
        await this.#hurry();
      }
    } finally {
      bell.close();
    }
    const lost = readText(join(dir, 'lost'));
    // An empty file: on a full disk not even the reason can be written.
    if (lost !== null) return broken(lost === '' ? 'the output could not be kept: is the disk full?' : lost);
    if (!existsSync(join(dir, 'done'))) {
      // Nobody looks after the job any more and its exit status went with the guard.
      await this.#kill();
      return broken('the process that watched the run was killed, or the machine restarted');
    }
    const exitCode = Number(readText(join(dir, 'ended')) ?? Number.NaN);
    if (!Number.isInteger(exitCode)) return broken('the exit status is unreadable');
    const failure = await engine.startFailure(exitCode);
    if (failure !== null) return failure;
    const endedAt = writtenAt(join(dir, 'ended')) ?? clock.now();
    return {
      kind: 'exited',
      exitCode,
      stoppedBy: causeOf(readText(join(dir, 'cause'))),
      ...(await engine.memory()),
      startedAt: writtenAt(join(dir, 'job')) ?? endedAt,
      endedAt,
    };
  }
}

/** The machinery's own failure, in one line. */
export function broken(detail: string): Extract<RunEnd, { kind: 'broken' }> {
  const line = detail.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return { kind: 'broken', cause: 'executor', detail: line.slice(0, 500), isChangesFault: false };
}

/** A run that could not be started at all: it has no output and ends as it was told. */
export function brokenRun(id: string, end: Extract<RunEnd, { kind: 'broken' }>, cleanup: () => Promise<void>): Run {
  return {
    id,
    imageDigest: null,
    output: async function* () {
      yield* [];
    },
    stop: () => Promise.resolve(),
    wait: () => Promise.resolve(end),
    cleanup,
  };
}

/** The first kilobytes of the output, for the reason of a failed start. */
export function outputHead(dir: string, marker: string): string {
  const fd = openSync(join(dir, 'output'), 'r');
  const head = Buffer.alloc(8192);
  let text: string;
  try {
    text = head.toString('utf8', 0, readSync(fd, head, 0, head.length, 0));
  } finally {
    closeSync(fd);
  }
  return marker === '' ? text : (text.split(marker)[0] ?? '');
}

function isGroup(leaderPid: number): boolean {
  try {
    process.kill(-leaderPid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function causeOf(text: string | null): StopCause | null {
  return text === 'timeout' || text === 'stopped' ? text : null;
}

/** Why the job is ended on purpose; the first cause stays, as the guard may write one at the same time. */
function firstCause(dir: string, cause: StopCause): void {
  // Two stops at once must not share a draft.
  const draft = join(dir, `cause.worker.${randomBytes(8).toString('hex')}`);
  writeSmallFile(draft, `${cause}\n`);
  try {
    linkSync(draft, join(dir, 'cause'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkIfThere(draft);
  }
}

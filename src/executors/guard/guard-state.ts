import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readSmallFile, writeSmallFile } from '../../base/small-file.ts';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';

/** A process that cannot be taken for a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, in clock ticks since boot. */
  readonly startTicks: string;
}

/** What the worker knew when it started the run; `run.json`, written before anything is started. */
export interface RunNotes {
  readonly id: string;
  readonly nonce: string;
  readonly bootId: string;
  readonly kind: 'group' | 'container';
  readonly imageDigest: string | null;
  /** Control groups made for the run; the guard and the sweep empty them. */
  readonly cgroups: readonly string[];
  /** What the guard puts behind the last byte of the output; nobody else knows it. */
  readonly marker: string;
}

/** A marker that no job can guess. */
export function newMarker(): string {
  return randomBytes(32).toString('hex');
}

/** Where the executor keeps its things inside the attempt's state directory. */
export function guardDir(stateDir: string): string {
  return join(stateDir, 'executor');
}

/** Makes the directory of a run and its notes. Throws EEXIST when the attempt was started before. */
export function createGuardState(stateDir: string, notes: RunNotes): string {
  const dir = guardDir(stateDir);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  mkdirSync(dir, { mode: 0o700 });
  // Nothing is started before it is whole: what was killed half-written is the same as none.
  writeSmallFile(join(dir, 'run.json'), JSON.stringify(notes));
  return dir;
}

/** The notes of a run, or null when there was none, or it is cleaned up. */
export function readNotes(dir: string): RunNotes | null {
  const text = readText(join(dir, 'run.json'));
  if (text === null || existsSync(join(dir, 'cleaned'))) return null;
  try {
    const notes = JSON.parse(text) as Omit<RunNotes, 'marker'> & { readonly marker?: string };
    // Versions before 23 November 2026 kept it in a file, and wrote `cleaned` where we remove the notes.
    return { ...notes, marker: notes.marker ?? readText(join(dir, 'marker')) ?? '' };
  } catch {
    return null;
  }
}

/** After this the run is not found again. Twice is harmless. */
export function removeNotes(dir: string): void {
  unlinkIfThere(join(dir, 'run.json'));
}

/** A small file's text without the last newline; null when there is none. */
export function readText(path: string): string | null {
  return readSmallFile(path)?.replace(/\n$/, '') ?? null;
}

/** The process named in a `PID TICKS` file, null when it is not (yet) there. */
export function readIdentity(path: string): ProcessIdentity | null {
  const [pid = '', startTicks = ''] = (readText(path) ?? '').split(' ');
  return /^[1-9]\d*$/.test(pid) ? { pid: Number(pid), startTicks } : null;
}

/** True when this very process still runs; a zombie does not. */
export function isRunning(who: ProcessIdentity): boolean {
  const found = statOf(who.pid);
  return found !== null && found.startTicks === who.startTicks && found.state !== 'Z' && found.state !== 'X';
}

/** State letter, parent and start time of a process, null when there is none. Fields: proc(5), /proc/PID/stat. */
export function statOf(
  pid: number,
): { readonly state: string; readonly parentPid: number; readonly startTicks: string } | null {
  let line: string;
  try {
    line = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  } catch {
    return null;
  }
  const fields = line.slice(line.lastIndexOf(') ') + 2).split(' ');
  return { state: fields[0] ?? '', parentPid: Number(fields[1] ?? 0), startTicks: fields[19] ?? '' };
}

let bootIdRead: string | null = null;

/** This boot's id: process numbers and start times mean nothing across a restart of the machine. */
export function bootId(): string {
  bootIdRead ??= readText('/proc/sys/kernel/random/boot_id') ?? '';
  return bootIdRead;
}

/** When a file was last written, epoch ms; null when there is none. */
export function writtenAt(path: string): number | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : Math.round(found.mtimeMs);
}

import { basename, dirname, join } from 'node:path';
import { cgroupPlaces, memoryEvidence } from '../cgroup.ts';
import type { OomEvidence } from '../executor.ts';
import type { EndHerald } from './end-herald.ts';
import { isRunning, readText, statOf, type ProcessIdentity } from '../guard/guard-state.ts';

const lookEveryMs = 10;
const countEveryMs = 250;

/**
 * Watches what the kernel counts for a container's control group. The group goes away with the container, within
 * some ten milliseconds, and a v1 group takes its counters with it: they are read while it runs and at the moment that
 * its first process is gone. Where that moment was missed the answer is `unknown`; a v2 group of our own above it
 * (`parentName`) still has the count afterwards.
 */
export class MemoryWatch {
  readonly #pidFile: string;
  readonly #parentName: string | null;
  readonly #herald: EndHerald;
  #timer: NodeJS.Timeout | null = null;
  #first: ProcessIdentity | null = null;
  #dir: string | null = null;
  #parentDir: string | null = null;
  #kills = 0;
  #peak: number | null = null;
  #hasSeenEnd = false;
  #countedAt = 0;

  constructor(pidFile: string, parentName: string | null, herald: EndHerald) {
    this.#herald = herald;
    this.#pidFile = pidFile;
    this.#parentName = parentName;
  }

  /** Begins to look; does not keep the process alive. */
  start(): void {
    let isBusy = false;
    this.#timer = setInterval(() => {
      if (isBusy) return;
      isBusy = true;
      void this.#look().finally(() => {
        isBusy = false;
      });
    }, lookEveryMs).unref();
  }

  /** Ends looking and says what is known. */
  async result(): Promise<{ readonly oom: OomEvidence; readonly peakMemoryBytes: number | null }> {
    this.#rest();
    // Missed by the timer, the group may still be there for a last look: what it says of kills is true, its no is not.
    if (!this.#hasSeenEnd) await this.#count();
    if (this.#parentDir !== null) {
      const above = memoryEvidence(this.#parentDir);
      if (above.oomKills !== null) {
        this.#hasSeenEnd = true;
        this.#kills = Math.max(this.#kills, above.oomKills);
      }
      this.#peak = above.peakBytes ?? this.#peak;
    }
    const oom = this.#kills > 0 ? 'yes' : this.#hasSeenEnd ? 'no' : 'unknown';
    return { oom, peakMemoryBytes: this.#peak };
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    if (this.#hasSeenEnd) return;
    if (this.#first === null) {
      const text = readText(this.#pidFile);
      if (text === null || !/^\d+$/.test(text)) return;
      const pid = Number(text);
      this.#first = { pid, startTicks: statOf(pid)?.startTicks ?? '' };
      await this.#herald.meet(pid);
    }
    if (this.#dir === null) await this.#locate(this.#first.pid);
    const isDead = !isRunning(this.#first);
    if (!isDead && performance.now() - this.#countedAt < countEveryMs) return;
    this.#countedAt = performance.now();
    // The state was asked before the count: a count of a dead container is the last there will be.
    const isCounted = await this.#count();
    if (!isDead) return;
    this.#hasSeenEnd = isCounted;
    this.#rest();
    await this.#herald.tell();
  }

  async #locate(pid: number): Promise<void> {
    const places = await cgroupPlaces(pid);
    const dir = places.v1['memory'] ?? places.v2;
    // Before the runtime has moved it, the process sits in the group of its starter.
    if (dir === null || !/libpod|groundcrew/.test(dir)) return;
    this.#dir = dir;
    if (this.#parentName === null || places.v1['memory'] !== undefined) return;
    for (let up = dirname(dir); up !== dirname(up); up = dirname(up)) {
      if (basename(up) === this.#parentName) this.#parentDir = up;
    }
  }

  async #count(): Promise<boolean> {
    if (this.#dir === null) return false;
    const found = memoryEvidence(this.#dir);
    if (found.oomKills === null) return false;
    this.#kills = Math.max(this.#kills, found.oomKills);
    this.#peak = found.peakBytes ?? this.#peak;
    return true;
  }
}

/** The group of ours above the container's, for v2 only: its name, and how podman is told. */
export function parentGroup(
  nonce: string,
  settings: { readonly cgroupVersion: 1 | 2; readonly cgroupManager: 'systemd' | 'cgroupfs' },
): { readonly name: string; readonly flag: string } | null {
  if (settings.cgroupVersion === 1) return null;
  // systemd takes each dash for a level, so the nonce must be, and is, without.
  if (settings.cgroupManager === 'systemd') {
    const name = `groundcrew${nonce}.slice`;
    return { name, flag: name };
  }
  return { name: nonce, flag: join('/groundcrew', nonce) };
}

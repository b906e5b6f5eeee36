import type { Clock, Timer } from '../../src/base/clock.ts';
import type { Random } from '../../src/base/random.ts';

/** When virtual time begins (epoch ms). */
export const epochMs = 1_700_000_000_000;

interface Scheduled {
  at: number;
  order: number;
  fire: (() => void) | null;
}

/** A 32-bit generator (mulberry32): small, seeded, good enough to choose faults. */
export class Dice implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  hex(byteCount: number): string {
    let text = '';
    for (let i = 0; i < byteCount; i += 1)
      text += Math.floor(this.fraction() * 256)
        .toString(16)
        .padStart(2, '0');
    return text;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  integer(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.fraction() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}

/**
 * Virtual time. Everything that happens is an event in one heap; between two events all promises settle, so a seed
 * decides everything.
 */
export class World {
  now = 0;
  events = 0;
  readonly dice: Dice;
  readonly #heap: Scheduled[] = [];
  #order = 0;
  readonly #trace: string[] | null;

  constructor(seed: number, isTraced: boolean) {
    this.dice = new Dice(seed);
    this.#trace = isTraced ? [] : null;
  }

  /** A line of the trip's time line. `text` is a function so that an untraced run does not pay for it. */
  note(who: string, text: () => string): void {
    this.#trace?.push(`${(this.now / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(9)} ${text()}`);
  }

  timeline(): readonly string[] {
    return this.#trace ?? [];
  }

  at(delayMs: number, fire: () => void): Timer {
    const item: Scheduled = { at: this.now + Math.max(0, delayMs), order: this.#order, fire };
    this.#order += 1;
    this.#push(item);
    return {
      cancel: () => {
        item.fire = null;
      },
    };
  }

  /** Resolves after `delayMs` of virtual time. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.at(delayMs, resolve);
    });
  }

  /** Lets the next event happen and everything settle; false when there is none before `until`. */
  async step(until: number): Promise<boolean> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) return false;
      this.#pop();
      if (next.fire === null) continue;
      this.now = next.at;
      this.events += 1;
      next.fire();
      // The tick queue comes after all promises, also those that they make; a turn of the event loop would cost more and
      // is needed only by the garbage collection's own callbacks.
      await new Promise<void>((resolve) => {
        if (this.events % 256 === 0) setImmediate(resolve);
        else
          process.nextTick(() => {
            resolve();
          });
      });
      return true;
    }
  }

  #less(a: Scheduled, b: Scheduled): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(item: Scheduled): void {
    const heap = this.#heap;
    let i = heap.push(item) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !this.#less(item, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && this.#less(right, left)) {
        child += 1;
        least = right;
      }
      if (!this.#less(least, last)) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = last;
  }
}

/** One life of one process, from start to kill. What it awaits when it dies never comes. */
export class Life {
  isAlive = true;
  readonly abort = new AbortController();
  #callsLeft: number | null = null;
  #dieAfter = false;
  #onDeath: () => void;
  #isPaused = false;
  #waiting: (() => void)[] = [];

  constructor(onDeath: () => void) {
    this.#onDeath = onDeath;
  }

  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#waiting = [];
    this.#onDeath();
  }

  /** Stopped in the middle of whatever it does, until `resume`. Its connection is for the caller to cut. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const go of this.#waiting.splice(0)) if (this.isAlive) go();
  }

  /** At once, or when it goes on; never after its death. */
  whenAwake(go: () => void): void {
    if (!this.isAlive) return;
    if (this.#isPaused) this.#waiting.push(go);
    else go();
  }

  /** Dies at the n-th call to the outside from now: before its effect, or after it and before its answer. */
  dieAtCall(n: number, isAfterEffect: boolean): void {
    this.#callsLeft = n;
    this.#dieAfter = isAfterEffect;
  }

  /** A call to the outside: the points at which a process can die. */
  async call<T>(effect: () => T | Promise<T>): Promise<T> {
    if (this.#isPaused) await this.#awake();
    if (!this.isAlive) return forever();
    const isLast = this.#callsLeft !== null && (this.#callsLeft -= 1) <= 0;
    if (isLast && !this.#dieAfter) {
      this.kill();
      return forever();
    }
    try {
      const result = await effect();
      if (isLast) this.kill();
      if (this.#isPaused) await this.#awake();
      return this.isAlive ? result : await forever();
    } catch (error) {
      if (this.#isPaused) await this.#awake();
      if (!this.isAlive) return forever();
      throw error;
    }
  }

  #awake(): Promise<void> {
    return new Promise((resolve) => {
      this.whenAwake(resolve);
    });
  }
}

/** A promise of a dead process. */
export function forever<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

/** A process' own idea of time: its wall clock is off and may step, its monotonic one drifts a little. */
export class ProcessClock implements Clock {
  readonly #world: World;
  readonly #life: Life;
  readonly #rate: number;
  readonly #bornAt: number;
  offsetMs: number;

  constructor(world: World, life: Life, offsetMs: number, rate: number) {
    this.#world = world;
    this.#life = life;
    this.offsetMs = offsetMs;
    this.#rate = rate;
    this.#bornAt = world.now;
  }

  now(): number {
    return Math.round(epochMs + this.#world.now + this.offsetMs);
  }

  monotonic(): number {
    return (this.#world.now - this.#bornAt) * this.#rate;
  }

  after(delayMs: number, fire: () => void): Timer {
    let isCanceled = false;
    const timer = this.#world.at(delayMs / this.#rate, () => {
      this.#life.whenAwake(() => {
        if (!isCanceled) fire();
      });
    });
    return {
      cancel: () => {
        isCanceled = true;
        timer.cancel();
      },
    };
  }
}

/** Every method of a port as a call of this life. */
export function throughLife<T extends object>(port: T, life: Life): T {
  const wrapped: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(port)) {
    wrapped[name] =
      typeof value === 'function'
        ? (...args: unknown[]) => life.call(() => (value as (...all: unknown[]) => unknown)(...args))
        : value;
  }
  return wrapped as T;
}

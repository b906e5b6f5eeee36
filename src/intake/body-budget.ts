/** How many webhook bodies may be on their way at once, and how many bytes of them we hold: all receivers together. */
export interface BodyBudget {
  /**
   * A place for one more body. When all are taken, the unfinished body of which the least has come gives up its place, the
   * oldest of equals: whoever holds places open and sends nothing keeps nobody else out, since what GitHub sends comes in
   * milliseconds. `onEvicted` is called when that happens to this one. Null: all places hold whole bodies.
   */
  enter(onEvicted: () => void): BodyPlace | null;
  readonly bodies: number;
  readonly bytes: number;
}

/** The place of one body. */
export interface BodyPlace {
  /** Takes so many bytes more; false: there is no room, and nothing was taken. */
  take(sizeBytes: number): boolean;
  /** The body is whole, and nobody takes its place any more. */
  finish(): void;
  /** Gives everything back. Twice is harmless. */
  leave(): void;
}

/**
 * Counts what was received, not what was announced: an announcement costs its sender nothing, and would take the room of
 * others.
 */
export function createBodyBudget(most: { readonly bodies: number; readonly bytes: number }): BodyBudget {
  interface Held {
    taken: number;
    isWhole: boolean;
    readonly evict: () => void;
  }
  // In the order of coming.
  const held = new Set<Held>();
  let bytes = 0;
  const drop = (one: Held): void => {
    if (held.delete(one)) bytes -= one.taken;
  };
  const makeRoom = (): void => {
    let least: Held | null = null;
    for (const one of held) if (!one.isWhole && (least === null || one.taken < least.taken)) least = one;
    if (least === null) return;
    drop(least);
    least.evict();
  };
  return {
    enter(onEvicted) {
      if (held.size >= most.bodies) makeRoom();
      if (held.size >= most.bodies) return null;
      const mine: Held = { taken: 0, isWhole: false, evict: onEvicted };
      held.add(mine);
      return {
        take(sizeBytes) {
          if (!held.has(mine) || bytes + sizeBytes > most.bytes) return false;
          bytes += sizeBytes;
          mine.taken += sizeBytes;
          return true;
        },
        finish() {
          mine.isWhole = true;
        },
        leave: () => {
          drop(mine);
        },
      };
    },
    get bodies() {
      return held.size;
    },
    get bytes() {
      return bytes;
    },
  };
}

/** How many webhook bodies may be on their way at once, and how many bytes of them we hold: all receivers together. */
export interface BodyBudget {
  /** A place for one more body; null when there is none. */
  enter(): BodyPlace | null;
  readonly bodies: number;
  readonly bytes: number;
}

/** The place of one body. */
export interface BodyPlace {
  /** Takes so many bytes more; false: there is no room, and nothing was taken. */
  take(sizeBytes: number): boolean;
  /** Gives everything back. Twice is harmless. */
  leave(): void;
}

/**
 * Counts what was received, not what was announced: an announcement costs its sender nothing, and would take the room of
 * others.
 */
export function createBodyBudget(most: { readonly bodies: number; readonly bytes: number }): BodyBudget {
  let bodies = 0;
  let bytes = 0;
  return {
    enter() {
      if (bodies >= most.bodies) return null;
      bodies += 1;
      let taken = 0;
      let hasLeft = false;
      return {
        take(sizeBytes) {
          if (hasLeft || bytes + sizeBytes > most.bytes) return false;
          bytes += sizeBytes;
          taken += sizeBytes;
          return true;
        },
        leave() {
          if (hasLeft) return;
          hasLeft = true;
          bodies -= 1;
          bytes -= taken;
        },
      };
    },
    get bodies() {
      return bodies;
    },
    get bytes() {
      return bytes;
    },
  };
}

import type { Clock } from '../../../base/clock.ts';

/** Which requests a fault meets. All that is given must fit. */
interface RequestFilter {
  readonly method?: string;
  /** Against the path with its query, without `/api/v3`; GraphQL is `/graphql`. */
  readonly path?: RegExp;
  /** Default: without end. */
  readonly times?: number;
  /** From now, by the fake's clock. */
  readonly forMs?: number;
}

interface DeliveryFilter {
  readonly event?: string;
  readonly times?: number;
  readonly forMs?: number;
}

/** Something that goes wrong on order. */
export type Fault =
  /** Answered at the door with this status; nothing takes effect. */
  | (RequestFilter & {
      readonly does: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
    })
  /** The connection is cut: before anything took effect, or after it did and before the answer. */
  | (RequestFilter & { readonly does: 'drop'; readonly when: 'before' | 'after' })
  /** A replica that lags answers reads. Writes still see what is. */
  | (RequestFilter & { readonly does: 'lag'; readonly behindMs: number })
  | (RequestFilter & { readonly does: 'delay'; readonly ms: number })
  /** A delivery is not sent. Unlogged, GitHub does not even know that it should have been. */
  | (DeliveryFilter & { readonly does: 'lose-delivery'; readonly isLogged: boolean })
  /** A delivery is sent twice, with the same id. */
  | (DeliveryFilter & { readonly does: 'repeat-delivery' })
  | (DeliveryFilter & { readonly does: 'delay-delivery'; readonly ms: number });

/** A fault that was ordered. */
export interface OrderedFault {
  /** How often it struck. */
  readonly hits: number;
  lift(): void;
}

/** What goes wrong, on order. */
export interface Faults {
  /** Every request takes at least so long, in real time. */
  latencyMs: number;
  add(fault: Fault): OrderedFault;
  clear(): void;
}

type Kind = Fault['does'];
type Of<K extends Kind> = Extract<Fault, { readonly does: K }>;

/** What the server asks: the first fault of a kind that fits, counted as a hit. */
export interface FaultBook extends Faults {
  strike<K extends Kind>(
    does: K,
    on: { readonly method?: string; readonly path?: string; readonly event?: string },
  ): Of<K> | null;
}

export function createFaults(clock: Clock): FaultBook {
  interface Entry {
    readonly fault: Fault;
    readonly endsAt: number;
    hits: number;
  }
  const entries = new Set<Entry>();
  return {
    latencyMs: 0,
    add(fault) {
      const entry: Entry = { fault, endsAt: clock.now() + (fault.forMs ?? Infinity), hits: 0 };
      entries.add(entry);
      return {
        get hits() {
          return entry.hits;
        },
        lift: () => void entries.delete(entry),
      };
    },
    clear() {
      entries.clear();
      this.latencyMs = 0;
    },
    strike<K extends Kind>(does: K, on: { readonly method?: string; readonly path?: string; readonly event?: string }) {
      for (const entry of entries) {
        const { fault } = entry;
        if (entry.endsAt <= clock.now() || entry.hits >= (fault.times ?? Infinity)) entries.delete(entry);
        else if (fault.does === does && fits(fault, on)) {
          entry.hits += 1;
          return fault as Of<K>;
        }
      }
      return null;
    },
  };
}

function fits(
  fault: Fault,
  on: { readonly method?: string; readonly path?: string; readonly event?: string },
): boolean {
  if ('event' in fault && fault.event !== undefined && fault.event !== on.event) return false;
  if ('method' in fault && fault.method !== undefined && fault.method !== on.method) return false;
  return !('path' in fault && fault.path !== undefined && !fault.path.test(on.path ?? ''));
}

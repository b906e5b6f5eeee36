import type { Finished, Sealed } from '../core/worker-message.ts';

/** One message that must arrive. `id` orders: what was put first has the smaller one. */
export interface Spooled {
  readonly id: string;
  readonly message: Finished | Sealed;
}

/**
 * Finals that the broker has not confirmed yet (R5). Durable when `put` resolves, across a kill of this process; space is
 * reserved beforehand, so that a full disk cannot lose a verdict.
 */
export interface Spool {
  put(message: Finished | Sealed): Promise<void>;
  /** In the order of their putting. */
  list(): Promise<readonly Spooled[]>;
  /** After the broker's confirm; twice is harmless. */
  remove(id: string): Promise<void>;
}

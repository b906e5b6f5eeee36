/** `within` is the deadline in ms (default 30 s, for machines that are busy); `what` is named when it passes. */
export interface UntilOptions {
  readonly within?: number;
  readonly what?: string;
}

// The shortest pause that keeps a busy two-core machine usable while dozens of tests wait.
const pollMs = 5;

/**
 * Waits until `probe` gives something other than `false`, `null` or `undefined`, and returns it. For conditions that
 * nothing announces (a file of another process, a row in its ledger); where an event exists, await the event.
 * @throws Error with `what` and the probe's last error once the deadline has passed.
 */
export async function until<T>(
  probe: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, false | null | undefined>> {
  const within = options.within ?? 30_000;
  const deadline = performance.now() + within;
  let cause: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== false && value !== null && value !== undefined) {
        return value as Exclude<T, false | null | undefined>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`waited ${String(within)} ms in vain for ${options.what ?? probe.toString()}${why}`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

import type { z } from 'zod';
import type { CheckConfig } from './check-options.ts';

/**
 * Bytes of command and environment as JSON. An order travels whole, and comes back with each beat: with names, addresses and
 * commits it stays below a quarter of a message (docs/decisions/0020-workers.md).
 */
export const mostPayloadBytes = 96 * 1024;

interface Sized {
  readonly defaults: { readonly env: Readonly<Record<string, string>> };
  readonly projects: readonly { readonly checks: readonly Pick<CheckConfig, 'command' | 'env'>[] }[];
}

/** A check whose order no queue would carry is refused where it is written, not when it is due. */
export function refuseLargePayload(config: Sized, index: number, context: z.RefinementCtx): void {
  for (const [place, check] of (config.projects[index]?.checks ?? []).entries()) {
    const env = { ...config.defaults.env, ...check.env };
    const bytes = Buffer.byteLength(JSON.stringify([check.command, env]));
    if (bytes <= mostPayloadBytes) continue;
    context.addIssue({
      code: 'custom',
      path: ['projects', index, 'checks', place],
      message: `has a command and environment of ${String(bytes)} bytes, ${String(mostPayloadBytes)} at most: put them into a file of the repository`,
    });
  }
}

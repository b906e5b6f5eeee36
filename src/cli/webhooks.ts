import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Forge } from '../forge/forge.ts';
import type { WebhookReader } from '../forge/webhook.ts';
import { createBodyBudget } from '../intake/body-budget.ts';
import { createReceiver } from '../intake/receive.ts';
import { createSweeper, type Sweeper } from '../intake/sweep.ts';
import { createWebhookHandler, gitHubBodyLimits, usualBudget } from '../intake/webhook-handler.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Metrics } from '../metrics/catalog.ts';
import type { RawHandler, RawHandlers } from '../web/server.ts';

/** What the server needs to take webhooks. */
export interface WebhookParts {
  /** One for each forge that sends webhooks. */
  readonly readers: readonly WebhookReader[];
  readonly forges: ReadonlyMap<string, Forge>;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** There is something to handle. */
  readonly onNew: () => void;
}

/** Where a forge's webhook points to. */
export function webhookPath(forge: string): string {
  return `/webhook/${encodeURIComponent(forge)}`;
}

/** What answers the forges' calls, and what finds those that did not reach us. All share one bound of memory. */
export function createWebhooks(parts: WebhookParts): { readonly handlers: RawHandlers; readonly sweeper: Sweeper } {
  const { readers, clock, metrics } = parts;
  const budget = createBodyBudget(usualBudget);
  const handlers = readers.map((reader): readonly [string, RawHandler] => [
    webhookPath(reader.forge),
    createWebhookHandler({
      receiver: createReceiver({ ...parts, reader }),
      budget,
      limits: gitHubBodyLimits,
      clock,
      onAnswer: (status) => {
        metrics.webhookAnswered(reader.forge, status);
      },
    }),
  ]);
  const byForge = new Map(readers.map((reader) => [reader.forge, reader]));
  return { handlers: new Map(handlers), sweeper: createSweeper({ ...parts, readers: byForge }) };
}

import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { WebhookHeaders, WebhookReader, WebhookRefusal, WebhookRequest, WebhookWord } from '../forge/webhook.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { DeliverySource } from '../ledger/ledger-reader.ts';

/** What a sender is told: a status, and one line that people read in the forge's list of deliveries. */
export interface ReceiverAnswer {
  readonly status: number;
  readonly line: string;
  readonly retryAfterSeconds?: number;
}

export interface ReceiverDeps {
  readonly reader: WebhookReader;
  readonly ledger: Pick<Ledger, 'recordDeliveries' | 'recordUnread'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** There is something to handle. */
  readonly onNew: () => void;
}

/** Takes the deliveries of one forge, whatever the server does meanwhile: it needs nothing but the ledger. */
export interface Receiver {
  readonly forge: string;
  /** What can be said before the body comes; null: go on. */
  refusal(headers: WebhookHeaders): ReceiverAnswer | null;
  /** Checks, reads and stores one delivery; 2xx only when it is durable. Never throws. */
  receive(request: WebhookRequest): Promise<ReceiverAnswer>;
}

/** Makes the receiver of one forge. */
export function createReceiver(deps: ReceiverDeps): Receiver {
  const { reader, logger } = deps;
  const refuse = ({ status, why }: WebhookRefusal): ReceiverAnswer => {
    logger.warn('a webhook was refused', { forge: reader.forge, status, why });
    return { status, line: why };
  };
  return {
    forge: reader.forge,
    refusal(headers) {
      const refused = reader.refusal(headers);
      return refused === null ? null : refuse(refused);
    },
    async receive(request) {
      const word = reader.read(request);
      if (word.kind === 'refused') return refuse(word);
      try {
        const { isNew, traceId } = await recordWord(deps, word, { source: 'event', receivedAt: deps.clock.now() });
        return { status: word.kind === 'ping' ? 200 : 202, line: told(word, isNew, traceId) };
      } catch (error) {
        // The sender tries again, or the sweep finds it in the forge's log: nothing is lost by saying so.
        logger.error('a delivery could not be stored', { forge: reader.forge, id: word.id, why: errorLine(error) });
        return { status: 503, line: 'the delivery could not be stored; send it again', retryAfterSeconds: 30 };
      }
    },
  };
}

/**
 * Stores what a delivery said, all in one transaction; from here on it has one trace id. Of something that is known already
 * nothing changes. Rejects with the ledger's error when it could not be made durable.
 */
export async function recordWord(
  { reader, ledger, random, logger, onNew }: Omit<ReceiverDeps, 'clock'>,
  word: WebhookWord,
  { source, receivedAt }: { readonly source: DeliverySource; readonly receivedAt: number },
): Promise<{ readonly isNew: boolean; readonly traceId: string }> {
  const { forge } = reader;
  const common = { id: word.id, source, receivedAt, traceId: random.hex(16) };
  const { traceId } = common;
  if (word.kind === 'events') {
    const isNew = await ledger.recordDeliveries(word.events.map((event) => ({ ...common, event })));
    if (isNew) onNew();
    logger.debug('delivery', { forge, id: word.id, trace: traceId, source, isNew, events: word.events.length });
    return { isNew, traceId };
  }
  if (word.kind === 'unreadable') {
    const isNew = await ledger.recordUnread({ ...common, forge }, { kind: 'parked', why: word.why });
    if (isNew) logger.warn('a delivery cannot be read', { forge, id: word.id, trace: traceId, why: word.why });
    return { isNew, traceId };
  }
  return { isNew: await ledger.recordUnread({ ...common, forge }, { kind: 'ignored' }), traceId };
}

function told(word: WebhookWord, isNew: boolean, traceId: string): string {
  if (word.kind === 'ping') return 'pong';
  if (!isNew) return 'known already; nothing changes';
  switch (word.kind) {
    case 'events':
      return `stored, trace ${traceId}`;
    case 'ignored':
      return `counted; this ${word.event} means nothing to us`;
    case 'unreadable':
      return `set aside: ${word.why}`;
  }
}

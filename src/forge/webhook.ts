import type { ForgeEvent } from '../core/forge-event.ts';
import type { LoggedDelivery } from './forge.ts';

/** Header names in lower case, as Node gives them. */
export type WebhookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as it came, the body byte for byte. */
export interface WebhookRequest {
  readonly headers: WebhookHeaders;
  readonly body: Buffer;
}

/** Not shown to come from the forge, or not even of its form; answered with `status`, and nothing is kept. */
export interface WebhookRefusal {
  readonly kind: 'refused';
  readonly status: 400 | 401 | 415;
  readonly why: string;
}

/**
 * What a webhook's body says. `ignored` is genuine and means nothing to us; `unreadable` is genuine (or from the forge's own
 * log) and not of the form that we know: it is set aside under its id, with `why` in one line. `id` is the forge's own.
 */
export type WebhookWord =
  | { readonly kind: 'ping'; readonly id: string }
  | { readonly kind: 'ignored'; readonly id: string; readonly event: string }
  | { readonly kind: 'unreadable'; readonly id: string; readonly why: string }
  | { readonly kind: 'events'; readonly id: string; readonly events: readonly [ForgeEvent, ...ForgeEvent[]] };

/** `refused`: not shown to come from the forge, or not even of its form; answered with `status`, and nothing is kept. */
export type WebhookReading =
  { readonly kind: 'refused'; readonly status: 400 | 401 | 415; readonly why: string } | WebhookWord;

/** Reads one forge's webhooks. Nothing is parsed before the signature was found good. Never throws. */
export interface WebhookReader {
  /** The forge's name in the configuration. */
  readonly forge: string;
  /** What the headers alone are refused for, so that nobody waits for a body in vain; null: go on. */
  refusal(headers: WebhookHeaders): WebhookRefusal | null;
  read(request: WebhookRequest): WebhookReading;
  /** The same for what the forge's own log says it sent, which carries no signature that could be checked. */
  readLogged(delivery: LoggedDelivery): WebhookWord;
  /** Whether a delivery of that kind may lead to anything. */
  isRead(event: string): boolean;
}

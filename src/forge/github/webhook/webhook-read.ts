import type { LoggedDelivery } from '../../forge.ts';
import type {
  WebhookHeaders,
  WebhookReader,
  WebhookReading,
  WebhookRefusal,
  WebhookRequest,
  WebhookWord,
} from '../../webhook.ts';
import { eventsOf, readEvents, type EventPlace } from './webhook-events.ts';
import { isSignature, isSigned } from './webhook-signature.ts';

/** Whose webhooks are read. Functions are asked at each request, so that a changed configuration counts at once. */
export interface GitHubWebhookOptions {
  readonly forge: string;
  /** Any of them signs: while one replaces another there are two. None: every request is refused. */
  readonly secrets: () => readonly string[];
  /** `owner/name` of what is configured; events of others are acknowledged and ignored. */
  readonly repos: () => readonly string[];
  /** Our own account (`name`, or `name[bot]` of an App), once it is known. */
  readonly ownLogin: () => string | null;
  /** Where our statuses link to. */
  readonly publicUrl: () => string | null;
}

/** Reads what GitHub sends to `POST /webhook/NAME`. */
export function createGitHubWebhookReader(options: GitHubWebhookOptions): WebhookReader {
  const placeOf = (): EventPlace => ({
    forge: options.forge,
    repos: new Map(options.repos().map((repo) => [repo.toLowerCase(), repo])),
    ownLogin: options.ownLogin(),
    publicUrl: options.publicUrl(),
  });
  return {
    forge: options.forge,
    refusal: (headers) => refusal(headers),
    read: (request) => readWebhook(request, options.secrets(), placeOf()),
    readLogged: (delivery) => readLogged(delivery, placeOf()),
    isRead: (event) => readEvents.has(event),
  };
}

/** What one request says. Nothing is decoded or parsed before its signature was found good; never throws. */
export function readWebhook(request: WebhookRequest, secrets: readonly string[], place: EventPlace): WebhookReading {
  const { headers, body } = request;
  const refused = refusal(headers);
  if (refused !== null) return refused;
  if (!isSigned(body, header(headers, 'x-hub-signature-256'), secrets))
    return { kind: 'refused', status: 401, why: 'the signature does not fit the body and any of our secrets' };
  const id = header(headers, 'x-github-delivery').toLowerCase();
  const event = header(headers, 'x-github-event');
  if (event === 'ping') return { kind: 'ping', id };
  if (!readEvents.has(event)) return { kind: 'ignored', id, event };
  const text = decode(body, mediaType(headers) === formType);
  return text === null
    ? { kind: 'unreadable', id, why: 'the body is no UTF-8 text' }
    : word({ id, event, text }, place);
}

/** What the headers alone are refused for. */
function refusal(headers: WebhookHeaders): WebhookRefusal | null {
  const because = (status: WebhookRefusal['status'], why: string): WebhookRefusal => ({ kind: 'refused', status, why });
  // The older `X-Hub-Signature` is SHA-1 and never looked at.
  if (!isSignature(header(headers, 'x-hub-signature-256')))
    return because(401, 'X-Hub-Signature-256 is missing or of another form; give the webhook a secret');
  if (!guid.test(header(headers, 'x-github-delivery'))) return because(400, 'X-GitHub-Delivery is missing or no GUID');
  if (!eventName.test(header(headers, 'x-github-event'))) return because(400, 'X-GitHub-Event is missing or no name');
  const type = mediaType(headers);
  if (type !== jsonType && type !== formType)
    return because(415, `the content type must be ${jsonType} or ${formType}`);
  return null;
}

function readLogged(delivery: LoggedDelivery, place: EventPlace): WebhookWord {
  const { event, body } = delivery;
  const id = delivery.id.toLowerCase();
  if (!guid.test(id)) return { kind: 'unreadable', id: id.slice(0, 100), why: 'its id is no GUID' };
  if (event === 'ping') return { kind: 'ping', id };
  if (!readEvents.has(event)) return { kind: 'ignored', id, event: event.slice(0, 64) };
  if (body === null) return { kind: 'unreadable', id, why: 'the delivery log has its body no more' };
  return word({ id, event, text: body }, place);
}

function word(
  { id, event, text }: { readonly id: string; readonly event: string; readonly text: string },
  place: EventPlace,
): WebhookWord {
  const body = parseJson(text);
  if (body === undefined) return { kind: 'unreadable', id, why: `${event}: the body is not JSON` };
  const read = eventsOf(event, body, place);
  if (read.kind === 'unfit') return { kind: 'unreadable', id, why: `${event}: ${read.why}`.slice(0, 300) };
  const [first, ...others] = read.events;
  return first === undefined ? { kind: 'ignored', id, event } : { kind: 'events', id, events: [first, ...others] };
}

/** The JSON text, of a form its field `payload`; null when the bytes are no text. */
function decode(body: Buffer, isForm: boolean): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return isForm ? (new URLSearchParams(text).get('payload') ?? '') : text;
  } catch {
    return null;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Empty when it is missing, or came several times. */
function header(headers: WebhookHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

function mediaType(headers: WebhookHeaders): string {
  return header(headers, 'content-type').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

const jsonType = 'application/json';
const formType = 'application/x-www-form-urlencoded';
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const eventName = /^[a-z0-9_]{1,64}$/;

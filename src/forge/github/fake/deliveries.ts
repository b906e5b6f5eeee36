import { createHmac } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { errorLine } from '../../../base/errors.ts';
import type { Delivery, Hook, Installation } from './app-records.ts';
import { covers } from './authenticate.ts';
import type { FaultBook } from './faults.ts';
import type { Json } from './json.ts';
import { simpleUser } from './json-account.ts';
import { payloadEnds } from './json-repo.ts';
import type { Announcement, World } from './world.ts';

// GitHub drops a bigger event without a word. https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
const mostPayloadBytes = 25 * 1024 * 1024;

/** What sends events to hooks. */
export interface Deliverer {
  announce(announcement: Announcement): void;
  /** The event `ping` of a new hook. */
  ping(hook: Hook, payload: Json): void;
  /** Sends what was sent before again, with the same GUID. */
  redeliver(hook: Hook, delivery: Delivery): void;
  /** When everything is sent and answered, or given up. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export interface DelivererOptions {
  readonly world: World;
  readonly faults: FaultBook;
  /** GitHub waits ten seconds. https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks */
  readonly timeoutMs: number;
  /** Kept for each hook; the oldest are forgotten. */
  readonly mostDeliveries: number;
  /** Hears each payload before it is sent. */
  readonly inspect: (event: string, action: string | null, payload: Json) => void;
  /** Hears why a payload could not be made: a fault of the fake. */
  readonly onTrouble: (why: string) => void;
}

/** Where an event goes: the hook, and for an App the installation that it is told with. */
interface Target {
  readonly hook: Hook;
  readonly installation: Installation | null;
}

export function createDeliverer(options: DelivererOptions): Deliverer {
  const { world, faults } = options;
  const running = new Set<Promise<void>>();
  const closing = new AbortController();

  const start = (work: Promise<void>): void => {
    const told = work.catch((error: unknown) => {
      if (!closing.signal.aborted) options.onTrouble(errorLine(error));
    });
    running.add(told);
    void told.finally(() => running.delete(told));
  };

  const deliver = async (hook: Hook, made: Delivery): Promise<void> => {
    if (Buffer.byteLength(made.payload) > mostPayloadBytes) return;
    const lost = faults.strike('lose-delivery', { event: made.event });
    if (lost !== null && !lost.isLogged) return;
    const late = faults.strike('delay-delivery', { event: made.event });
    if (late !== null) await pause(late.ms, undefined, { signal: closing.signal });
    hook.deliveries.push(made);
    if (hook.deliveries.length > options.mostDeliveries) hook.deliveries.shift();
    if (lost !== null) {
      Object.assign(made, { status: 'failed to connect to host', statusCode: 502 });
      return;
    }
    await send(hook, made, AbortSignal.any([AbortSignal.timeout(options.timeoutMs), closing.signal]));
    if (faults.strike('repeat-delivery', { event: made.event }) !== null) {
      await send(hook, { ...made }, AbortSignal.any([AbortSignal.timeout(options.timeoutMs), closing.signal]));
    }
  };

  const make = (hook: Hook, event: Omit<Announcement, 'payload'>, payload: Json, target: Target): Delivery => {
    options.inspect(event.event, event.action, payload);
    const guid = uuid(world.random.hex(16));
    const text = JSON.stringify(payload);
    const { kind } = hook.of;
    return {
      id: world.nextId(),
      guid,
      deliveredAt: world.clock.now(),
      isRedelivery: false,
      event: event.event,
      action: event.action,
      installationId: target.installation?.id ?? null,
      repositoryId: event.repo?.id ?? null,
      url: hook.url,
      requestHeaders: {
        Accept: '*/*',
        'Content-Type': hook.contentType === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
        'User-Agent': 'GitHub-Hookshot/fake',
        'X-GitHub-Delivery': guid,
        'X-GitHub-Event': event.event,
        'X-GitHub-Hook-ID': String(hook.id),
        'X-GitHub-Hook-Installation-Target-ID': String(kind === 'repo' ? hook.of.repo.id : hook.of.app.id),
        'X-GitHub-Hook-Installation-Target-Type': kind === 'repo' ? 'repository' : 'integration',
        ...signaturesOf(hook, text),
      },
      payload: text,
      duration: 0,
      statusCode: 0,
      status: 'pending',
      responseHeaders: null,
      responsePayload: null,
    };
  };

  return {
    announce(announcement) {
      const targets = targetsOf(world, announcement);
      if (targets.length === 0) return;
      const work = async (): Promise<void> => {
        const payload = await announcement.payload();
        const { repo, sender } = announcement;
        for (const target of targets) {
          const installationId = target.installation?.id ?? null;
          const ends =
            repo === null
              ? { sender: simpleUser(world, sender.login) }
              : payloadEnds(world, repo, sender.login, installationId);
          start(deliver(target.hook, make(target.hook, announcement, { ...ends, ...payload }, target)));
        }
      };
      start(work());
    },
    ping(hook, payload) {
      const repo = hook.of.kind === 'repo' ? hook.of.repo : null;
      const sender = repo === null ? (hook.of.kind === 'app' ? hook.of.app.owner : null) : repo.owner;
      if (sender === null) return;
      const event = { event: 'ping', action: null, repo, installation: null, sender };
      const ends =
        repo === null ? { sender: simpleUser(world, sender.login) } : payloadEnds(world, repo, sender.login, null);
      start(deliver(hook, make(hook, event, { ...ends, ...payload }, { hook, installation: null })));
    },
    redeliver(hook, delivery) {
      const again: Delivery = {
        ...delivery,
        id: world.nextId(),
        deliveredAt: world.clock.now(),
        isRedelivery: true,
        url: hook.url,
        requestHeaders: { ...delivery.requestHeaders, ...signaturesOf(hook, delivery.payload) },
      };
      start(deliver(hook, again));
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    async close() {
      closing.abort();
      while (running.size > 0) await Promise.all(running);
    },
  };
}

function targetsOf(world: World, { event, repo, installation }: Announcement): readonly Target[] {
  const targets: Target[] = [];
  for (const hook of world.hooks.values()) {
    if (!hook.isActive) continue;
    const wants = hook.events.includes('*') || hook.events.includes(event);
    if (hook.of.kind === 'repo') {
      if (wants && hook.of.repo === repo) targets.push({ hook, installation: null });
      continue;
    }
    const { app } = hook.of;
    if (installation !== null) {
      // What happens to its installations, an App is always told.
      if (installation.app === app) targets.push({ hook, installation });
      continue;
    }
    if (!wants || repo === null) continue;
    for (const one of world.installations.values()) {
      if (one.app === app && one.suspendedAt === null && covers(one, repo)) targets.push({ hook, installation: one });
    }
  }
  return targets;
}

/** https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries */
function signaturesOf(hook: Hook, payload: string): Record<string, string> {
  if (hook.secret === null) return {};
  const { secret } = hook;
  const sign = (hash: string): string => createHmac(hash, secret).update(bodyOf(hook, payload)).digest('hex');
  return { 'X-Hub-Signature': `sha1=${sign('sha1')}`, 'X-Hub-Signature-256': `sha256=${sign('sha256')}` };
}

function bodyOf(hook: Hook, payload: string): string {
  return hook.contentType === 'json' ? payload : new URLSearchParams({ payload }).toString();
}

async function send(hook: Hook, delivery: Delivery, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  try {
    const response = await fetch(delivery.url, {
      method: 'POST',
      headers: delivery.requestHeaders,
      body: bodyOf(hook, delivery.payload),
      redirect: 'manual',
      signal,
    });
    delivery.responsePayload = (await response.text()).slice(0, 10_000);
    delivery.responseHeaders = Object.fromEntries(response.headers);
    delivery.statusCode = response.status;
    delivery.status = response.statusText === '' ? String(response.status) : response.statusText;
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    delivery.status = isLate ? 'timed out' : 'failed to connect to host';
    delivery.statusCode = isLate ? 504 : 502;
  }
  delivery.duration = Math.round(performance.now() - startedAt) / 1000;
}

function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

import type { Delivery, Hook } from './app-records.ts';
import { type Call, numberParam, param, repoRoute, route, type Route } from './call.ts';
import type { Json } from './json.ts';
import { cursorPage, pageOf } from './pages.ts';
import { notFound } from './refusal.ts';
import { fullName } from './records.ts';
import { iso, type World } from './world.ts';

const read = { level: 'admin', app: [['repository_hooks', 'read']] } as const;

// https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/viewing-webhook-deliveries: the past 3 days.
const logMs = 3 * 24 * 60 * 60_000;

/** https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/apps/webhooks */
export const hookRoutes: readonly Route[] = [
  repoRoute('GET /hooks', read, (call) => {
    const mine = [...call.world.hooks.values()].filter(({ of }) => of.kind === 'repo' && of.repo === call.repo);
    const page = pageOf(call, mine);
    return { body: page.items.map((hook) => hookJson(call.world, hook)), headers: page.headers };
  }),
  repoRoute('GET /hooks/{hook_id}', read, (call) => ({ body: hookJson(call.world, repoHook(call)) })),
  repoRoute('GET /hooks/{hook_id}/deliveries', read, (call) => list(call, repoHook(call))),
  repoRoute('GET /hooks/{hook_id}/deliveries/{delivery_id}', read, (call) => ({
    body: fullDelivery(deliveryIn(call, repoHook(call))),
  })),
  repoRoute(
    'POST /hooks/{hook_id}/deliveries/{delivery_id}/attempts',
    { level: 'admin', app: [['repository_hooks', 'write']] },
    (call) => redeliver(call, repoHook(call)),
  ),
  route('GET /app/hook/config', 'app', (call) => ({ body: configOf(appHook(call)) })),
  route('GET /app/hook/deliveries', 'app', (call) => list(call, appHook(call))),
  route('GET /app/hook/deliveries/{delivery_id}', 'app', (call) => ({
    body: fullDelivery(deliveryIn(call, appHook(call))),
  })),
  route('POST /app/hook/deliveries/{delivery_id}/attempts', 'app', (call) => redeliver(call, appHook(call))),
];

function redeliver(call: Call, hook: Hook): { status: number; body: Json } {
  call.world.redeliver(hook, deliveryIn(call, hook));
  return { status: 202, body: {} };
}

function repoHook(call: Parameters<Parameters<typeof repoRoute>[2]>[0]): Hook {
  const hook = call.world.hooks.get(numberParam(call, 'hook_id'));
  if (hook?.of.kind !== 'repo' || hook.of.repo !== call.repo) throw notFound();
  return hook;
}

function appHook(call: Call): Hook {
  const { actor } = call;
  for (const hook of call.world.hooks.values()) {
    if (actor.kind === 'app' && hook.of.kind === 'app' && hook.of.app === actor.app) return hook;
  }
  throw notFound();
}

function remembered(call: Call, hook: Hook): readonly Delivery[] {
  return hook.deliveries.filter(({ deliveredAt }) => deliveredAt > call.world.clock.now() - logMs);
}

function deliveryIn(call: Call, hook: Hook): Delivery {
  const id = Number(param(call, 'delivery_id'));
  const delivery = remembered(call, hook).find((one) => one.id === id);
  if (delivery === undefined) throw notFound();
  return delivery;
}

function list(call: Call, hook: Hook): { body: readonly Json[]; headers: Readonly<Record<string, string>> } {
  const wanted = call.query.get('status');
  const isRedelivery = call.query.get('redelivery');
  const all = remembered(call, hook)
    .filter((one) => wanted === null || isSuccess(one) === (wanted === 'success'))
    .filter((one) => isRedelivery === null || one.isRedelivery === (isRedelivery === 'true'))
    .toSorted((a, b) => b.id - a.id);
  const page = cursorPage(call, all);
  return { body: page.items.map(deliveryItem), headers: page.headers };
}

function isSuccess({ statusCode }: Delivery): boolean {
  return statusCode >= 200 && statusCode < 400;
}

/** Schema `hook-delivery-item`. */
function deliveryItem(delivery: Delivery): Json {
  return {
    id: delivery.id,
    guid: delivery.guid,
    // This one time GitHub tells milliseconds.
    delivered_at: new Date(delivery.deliveredAt).toISOString(),
    redelivery: delivery.isRedelivery,
    duration: delivery.duration,
    status: delivery.status,
    status_code: delivery.statusCode,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

/** Schema `hook-delivery`. */
function fullDelivery(delivery: Delivery): Json {
  return {
    ...deliveryItem(delivery),
    url: delivery.url,
    request: { headers: delivery.requestHeaders, payload: JSON.parse(delivery.payload) as Json },
    response: { headers: delivery.responseHeaders, payload: delivery.responsePayload },
  };
}

function configOf(hook: Hook): Json {
  return {
    content_type: hook.contentType,
    insecure_ssl: '0',
    ...(hook.secret === null ? {} : { secret: '********' }),
    url: hook.url,
  };
}

/** Schema `hook`. */
export function hookJson(world: World, hook: Hook): Json {
  const repo = hook.of.kind === 'repo' ? `/repos/${fullName(hook.of.repo)}` : '/app';
  const url = `${world.urls.api}${repo}/hooks/${hook.id}`;
  const last = hook.deliveries.at(-1);
  return {
    type: hook.of.kind === 'repo' ? 'Repository' : 'App',
    id: hook.id,
    name: 'web',
    active: hook.isActive,
    events: hook.events,
    config: configOf(hook),
    updated_at: iso(hook.createdAt),
    created_at: iso(hook.createdAt),
    ...(hook.of.kind === 'app' ? { app_id: hook.of.app.id } : {}),
    url,
    test_url: `${url}/tests`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    last_response: {
      code: last === undefined || last.statusCode === 0 ? null : last.statusCode,
      status: last === undefined ? 'unused' : isSuccess(last) ? 'active' : 'failed',
      message: last?.status ?? null,
    },
  };
}

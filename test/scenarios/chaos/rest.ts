import { setTimeout as pause } from 'node:timers/promises';
import type { House } from './house.ts';
import type { LedgerView } from './ledger-view.ts';
import { unjudged, type Load } from './load.ts';

/** What it took until nothing was left to do. */
export interface Rest {
  /** Null: it came to rest; else what kept it from that. */
  readonly unrest: string | null;
  readonly tookMs: number;
  /** How often a person asked for a scan because a lost delivery left a head without jobs; the server's own comes each ten minutes. */
  readonly scansAsked: number;
}

/** A server tidies the store five minutes after its start; a little more, since that takes a moment. */
const tidiedAfterMs = 330_000;

/** Whether the running server has lived long enough to have tidied up after those before it. */
export function isTidied({ server }: House): boolean {
  return Date.now() - server.startedAt > tidiedAfterMs;
}

/** Waits until nothing is left to do, and if wanted until the server has tidied up. */
export async function comeToRest(
  house: House,
  view: LedgerView,
  load: Load,
  { restWithinMs: withinMs, awaitsTidying }: { readonly restWithinMs: number; readonly awaitsTidying: boolean },
): Promise<Rest> {
  const beganAt = performance.now();
  const took = (): number => Math.round(performance.now() - beganAt);
  let [calm, scansAsked, askedAt] = [0, 0, beganAt];
  let unrest: string | null = 'nothing was looked at';
  while (took() < withinMs) {
    await pause(500);
    unrest = await unrestOf(house, view, load);
    calm = unrest === null ? calm + 1 : 0;
    if (calm === 3) {
      const tookMs = took();
      while (awaitsTidying && !isTidied(house)) await pause(1_000);
      return { unrest: null, tookMs, scansAsked };
    }
    if (unrest?.startsWith('no job') === true && performance.now() - askedAt > 15_000) {
      askedAt = performance.now();
      if ((await house.ask('/api/scan', {}))?.status === 200) scansAsked += 1;
    }
  }
  return { unrest, tookMs: took(), scansAsked };
}

async function unrestOf(house: House, view: LedgerView, load: Load): Promise<string | null> {
  if ((await house.ask('/readyz'))?.status !== 200) return 'no server is ready';
  const { jobs: _jobs, ...left } = view.backlog();
  if (Object.values(left).some((count) => count > 0)) return JSON.stringify(left);
  for (const head of load.heads()) {
    const missing = unjudged(view, head);
    if (missing.length === 0) continue;
    const has = view.contextsOf(head.sha).length > 0;
    return `${has ? 'no verdict' : 'no job'} for ${head.repo} ${head.sha} ${missing.join(' ')}`;
  }
  const queues = (await house.broker.rabbit
    .api('GET', `queues/${encodeURIComponent(house.broker.vhost)}`)
    .catch(() => null)) as readonly { readonly name: string; readonly messages?: number }[] | null;
  if (queues === null) return 'the broker does not answer';
  const stuck = queues.find(({ name, messages = 0 }) => name !== 'parked-messages' && messages > 0);
  return stuck === undefined ? null : `${stuck.name} has ${String(stuck.messages)} messages`;
}

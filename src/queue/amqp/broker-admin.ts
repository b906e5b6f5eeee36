import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { AmqpManagement } from './amqp-options.ts';
import type { BrokerChange, BrokerState } from './broker-plan.ts';
import { callManagement, type ManagementCall } from './management-call.ts';
import { collectorExchange } from './topology.ts';

/** How the broker itself is. */
export interface BrokerHealth {
  readonly version: string;
  /** Lines for people: a node that stands still, an alarm. */
  readonly alarms: readonly string[];
  /** Ways to say who one is that every node knows; empty where the API does not tell. */
  readonly mechanisms: readonly string[];
}

/**
 * All that `planBroker` compares.
 * @throws GroundcrewError `queue/no-management`; retry `never`: this user may not read all of it
 */
export async function readBroker(api: AmqpManagement, vhostName: string): Promise<BrokerState> {
  const vhost = encodeURIComponent(vhostName);
  const [overview, users, hasVhost] = await Promise.all([
    ask(api, 'overview'),
    ask(api, 'users'),
    ask(api, `vhosts/${vhost}`),
  ]);
  const none = Promise.resolve(null);
  const inVhost = (path: string): Promise<unknown> => (hasVhost === null ? none : ask(api, path));
  const [rights, limits, exchanges, policies, queues, bindings] = await Promise.all([
    inVhost(`vhosts/${vhost}/permissions`),
    ask(api, 'user-limits'),
    inVhost(`exchanges/${vhost}`),
    inVhost(`policies/${vhost}`),
    inVhost(`queues/${vhost}?disable_stats=true&enable_queue_totals=true`),
    inVhost(`bindings/${vhost}`),
  ]);
  return {
    hasVhost: hasVhost !== null,
    version: text(fields(overview)['rabbitmq_version']),
    users: new Set(rows(users).map((row) => text(row['name']))),
    rights: new Map(
      rows(rights).map((row) => [
        text(row['user']),
        { configure: text(row['configure']), write: text(row['write']), read: text(row['read']) },
      ]),
    ),
    limits: new Map(
      rows(limits).flatMap((row) => {
        const most = fields(row['value'])['max-connections'];
        return typeof most === 'number' ? [[text(row['user']), most] as const] : [];
      }),
    ),
    exchanges: new Map(rows(exchanges).map((row) => [text(row['name']), text(row['type'])])),
    policies: new Map(
      rows(policies).map((row) => [
        text(row['name']),
        {
          pattern: text(row['pattern']),
          'apply-to': text(row['apply-to']),
          priority: Number(row['priority']),
          definition: fields(row['definition']),
        },
      ]),
    ),
    queues: new Map(rows(queues).map((row) => [text(row['name']), fields(row['arguments'])])),
    bindings: rows(bindings).flatMap((row) => {
      const binding = {
        source: text(row['source']),
        destination: text(row['destination']),
        destinationType: row['destination_type'] === 'exchange' ? ('exchange' as const) : ('queue' as const),
        key: text(row['properties_key']),
      };
      const isOfCollector =
        binding.source === collectorExchange ||
        (binding.destinationType === 'exchange' && binding.destination === collectorExchange);
      return isOfCollector ? [binding] : [];
    }),
  };
}

/** How the nodes are. @throws GroundcrewError `queue/no-management` */
export async function readBrokerHealth(api: AmqpManagement): Promise<BrokerHealth> {
  const [overview, nodes] = await Promise.all([ask(api, 'overview'), ask(api, 'nodes')]);
  const all = rows(nodes);
  const alarms = all.flatMap((node) => {
    const name = text(node['name']);
    return [
      ...(node['running'] === false ? [`node ${name} does not run`] : []),
      ...(node['mem_alarm'] === true ? [`node ${name} is short of memory and takes no messages`] : []),
      ...(node['disk_free_alarm'] === true ? [`node ${name} is short of disk and takes no messages`] : []),
    ];
  });
  const known = all.map(
    (node) =>
      new Set(
        rows(node['auth_mechanisms'])
          .filter((row) => row['enabled'] === true)
          .map((row) => text(row['name'])),
      ),
  );
  const [first = new Set<string>(), ...others] = known;
  return {
    version: text(fields(overview)['rabbitmq_version']),
    alarms,
    mechanisms: [...first].filter((name) => others.every((set) => set.has(name))).sort(),
  };
}

/** Mends one thing. @throws GroundcrewError `queue/no-management` */
export async function applyChange(api: AmqpManagement, { calls }: BrokerChange): Promise<void> {
  for (const call of calls) await send(api, call);
}

/** Ends what a user has open; without a connection nothing happens. */
export async function endConnections(api: AmqpManagement, user: string): Promise<void> {
  for (const row of rows(await ask(api, 'connections'))) {
    if (row['user'] !== user) continue;
    await send(api, { method: 'DELETE', path: `connections/${encodeURIComponent(text(row['name']))}` });
  }
}

/** The decoded answer; null for 404. */
async function ask(api: AmqpManagement, path: string): Promise<unknown> {
  const answer = await send(api, { method: 'GET', path });
  if (answer === null) return null;
  try {
    return JSON.parse(answer) as unknown;
  } catch (cause) {
    throw noManagement(`answered ${path} with something that is no JSON`, cause);
  }
}

/** The answer's text; null for 404, which is what was to be had, or to be gone. */
async function send(api: AmqpManagement, call: ManagementCall): Promise<string | null> {
  let answer: Awaited<ReturnType<typeof callManagement>>;
  try {
    answer = await callManagement(api, call);
  } catch (cause) {
    throw noManagement(`cannot be asked: ${errorLine(cause)}`, cause);
  }
  const { status, text: said } = answer;
  if (status === 404) return null;
  if (status === 401) {
    const what = `does not let ${api.username} in (${call.method} ${call.path}); see its password, and its tag at the broker`;
    throw new GroundcrewError('queue/no-management', `the broker's management API ${what}`, { retry: 'never' });
  }
  if (status >= 300)
    throw noManagement(`refused ${call.method} ${call.path} with status ${String(status)}: ${reason(said)}`);
  return said;
}

function reason(said: string): string {
  try {
    return text(fields(JSON.parse(said) as unknown)['reason']).slice(0, 300);
  } catch {
    return 'without a reason';
  }
}

function noManagement(what: string, cause?: unknown): GroundcrewError {
  return new GroundcrewError('queue/no-management', `the broker's management API ${what}`, { retry: 'later', cause });
}

function rows(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

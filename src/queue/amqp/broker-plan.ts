import {
  collectorOptions,
  collectorQueue,
  deadLetterQueue,
  jobQueueOptions,
  parkedQueue,
} from '../../core/queue-plan.ts';
import type { ManagementCall } from './management-call.ts';
import { queueArguments } from './queue-arguments.ts';
import { serverRights, workerRights, type Rights } from './rights.ts';
import { collectorExchange, controlExchange, exchangeType } from './topology.ts';

/** A worker that has a certificate. */
export interface BrokerWorker {
  readonly name: string;
  readonly pools: readonly string[];
}

/** Who may come to a virtual host of ours. */
export interface BrokerMembers {
  readonly vhost: string;
  /** The server's user. */
  readonly server: string;
  readonly workers: readonly BrokerWorker[];
  /** Users whose certificates do not count any more. */
  readonly revoked: readonly string[];
  /** Users of people and programs that look after the broker. */
  readonly managers: readonly string[];
}

/** What the management API tells of a virtual host and its users; null where it tells nothing. */
export interface BrokerState {
  readonly hasVhost: boolean;
  /** `3.10.8`; empty when unknown. */
  readonly version: string;
  readonly users: ReadonlySet<string>;
  readonly rights: ReadonlyMap<string, Rights>;
  /** Most connections of each user that has a limit. */
  readonly limits: ReadonlyMap<string, number>;
  /** Type of each exchange. */
  readonly exchanges: ReadonlyMap<string, string>;
  readonly policies: ReadonlyMap<string, BrokerPolicy>;
  /** Arguments of each queue. */
  readonly queues: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** What is bound to or from the collector's exchange. */
  readonly bindings: readonly BrokerBinding[];
}

/** A policy, as far as we look at it. */
export interface BrokerPolicy {
  readonly pattern: string;
  readonly 'apply-to': string;
  readonly priority: number;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** One binding. `key` is the API's own name for it. */
export interface BrokerBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
}

/** Something that is not as it should be. `calls` mends it; none: only a person can, as `remedy` says. */
export interface BrokerChange {
  readonly what: string;
  readonly calls: readonly ManagementCall[];
  readonly remedy: string | null;
}

/** A worker has one; during a reconnect the broker may still hold the old. */
const mostConnections = 4;

/** Words for a worker that reads none of them must not fill the broker. */
const controlPolicy: BrokerPolicy = {
  pattern: '^groundcrew\\.control\\.',
  'apply-to': 'queues',
  priority: 10,
  definition: { 'max-length-bytes': 8 * 1024 * 1024, overflow: 'drop-head' },
};

/**
 * From RabbitMQ 4.0 on a quorum queue without a delivery limit of its own has 20, and what is over it and has nowhere to go is
 * dropped; -1 is none (rabbitmq.com/docs/quorum-queues, "poison message handling"). Before, none is the default.
 */
const keepPolicy: BrokerPolicy = {
  pattern: `^(${collectorQueue}|${deadLetterQueue})$`,
  'apply-to': 'quorum_queues',
  priority: 10,
  definition: { 'delivery-limit': -1 },
};

/**
 * The server takes what is set aside into its ledger, which counts what it drops. This bound is for a flood that is faster: the
 * oldest goes. A policy, since the arguments of a queue that exists cannot change; of two policies only one holds for a queue
 * (rabbitmq.com/docs/policies), so the limit of returns is repeated here.
 */
function parkedPolicy(version: string): BrokerPolicy {
  return {
    pattern: `^${parkedQueue}$`,
    'apply-to': 'queues',
    priority: 10,
    definition: {
      'max-length-bytes': 256 * 1024 * 1024,
      overflow: 'drop-head',
      ...(majorOf(version) >= 4 ? keepPolicy.definition : {}),
    },
  };
}

/** Compares what should be with what is. Empty: all is well. The order is the order to apply it in. */
export function planBroker(members: BrokerMembers, state: BrokerState): readonly BrokerChange[] {
  const vhost = encodeURIComponent(members.vhost);
  const put = (what: string, path: string, body?: unknown): BrokerChange => ({
    what,
    calls: [{ method: 'PUT', path, ...(body === undefined ? {} : { body }) }],
    remedy: null,
  });
  const changes: BrokerChange[] = [];
  if (!state.hasVhost)
    changes.push(put(`virtual host ${members.vhost}`, `vhosts/${vhost}`, { description: 'groundcrew' }));
  const users: readonly (readonly [string, Rights])[] = [
    [members.server, serverRights()],
    ...members.workers.map(({ name, pools }) => [name, workerRights(name, pools)] as const),
  ];
  for (const [name, rights] of users) {
    // Without a password: the certificate is all that lets it in.
    if (!state.users.has(name))
      changes.push(put(`user ${name}`, `users/${encodeURIComponent(name)}`, { password_hash: '', tags: '' }));
    if (!isSame(state.rights.get(name), rights)) {
      changes.push(put(`permissions of ${name}`, `permissions/${vhost}/${encodeURIComponent(name)}`, rights));
    }
  }
  for (const { name } of members.workers) {
    if (state.limits.get(name) === mostConnections) continue;
    const path = `user-limits/${encodeURIComponent(name)}/max-connections`;
    changes.push(put(`at most ${String(mostConnections)} connections of ${name}`, path, { value: mostConnections }));
  }
  const exchanges = [
    collectorExchange,
    controlExchange('all'),
    ...members.workers.map(({ name }) => controlExchange(name)),
  ];
  for (const name of exchanges) {
    const type = state.exchanges.get(name);
    if (type === undefined) {
      changes.push(
        put(`exchange ${name}`, `exchanges/${vhost}/${encodeURIComponent(name)}`, {
          type: exchangeType,
          durable: true,
        }),
      );
    } else if (type !== exchangeType) {
      changes.push({
        what: `exchange ${name} is of type ${type}`,
        calls: [],
        remedy: `delete it: it has to be ${exchangeType}`,
      });
    }
  }
  const policies = {
    'groundcrew-control': controlPolicy,
    'groundcrew-parked': parkedPolicy(state.version),
    ...(majorOf(state.version) >= 4 ? { 'groundcrew-keep': keepPolicy } : {}),
  };
  for (const [name, policy] of Object.entries(policies)) {
    if (!isSame(state.policies.get(name), policy))
      changes.push(put(`policy ${name}`, `policies/${vhost}/${name}`, policy));
  }
  return [
    ...changes,
    ...revocations(members, state),
    ...wrongQueues(state),
    ...strayBindings(vhost, state),
    ...strangers(members, state),
  ];
}

/** What takes a worker's rights away, as far as they are there. Deleting its user ends its connections (seen with 3.10). */
export function revocations(
  members: Pick<BrokerMembers, 'vhost' | 'revoked'>,
  state: BrokerState,
): readonly BrokerChange[] {
  return members.revoked.flatMap((name) => {
    const exchange = controlExchange(name);
    const calls: ManagementCall[] = [];
    if (state.users.has(name)) calls.push({ method: 'DELETE', path: `users/${encodeURIComponent(name)}` });
    if (state.exchanges.has(exchange)) {
      calls.push({
        method: 'DELETE',
        path: `exchanges/${encodeURIComponent(members.vhost)}/${encodeURIComponent(exchange)}`,
      });
    }
    return calls.length === 0 ? [] : [{ what: `revoked: user and exchange of ${name}`, calls, remedy: null }];
  });
}

/** A queue keeps the arguments that it was made with. */
function wrongQueues(state: BrokerState): readonly BrokerChange[] {
  return [...state.queues].flatMap(([name, found]) => {
    const wanted = argumentsOf(name);
    if (wanted === null || isSame(found, wanted)) return [];
    const wrong = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].filter(
      (key) => found[key] !== wanted[key],
    );
    return [
      {
        what: `queue ${name} was made with other arguments: ${wrong.join(', ')}`,
        calls: [],
        remedy: 'when it is empty, delete it with rabbitmqctl delete_queue: the server makes it again',
      },
    ];
  });
}

/** Null: not a lasting queue of ours. */
function argumentsOf(queue: string): Readonly<Record<string, unknown>> | null {
  if (queue.startsWith('jobs.')) return queueArguments(jobQueueOptions);
  if (queue === collectorQueue) return queueArguments(collectorOptions);
  return queue === deadLetterQueue || queue === parkedQueue ? queueArguments({}) : null;
}

/** Whoever may write to the collector's exchange may lead another exchange into it; nobody of ours does. */
function strayBindings(vhost: string, { bindings }: BrokerState): readonly BrokerChange[] {
  return bindings.flatMap(({ source, destination, destinationType, key }) => {
    if (source === collectorExchange && destinationType === 'queue' && destination === collectorQueue) return [];
    const kind = destinationType === 'queue' ? 'q' : 'e';
    const path = ['bindings', vhost, 'e', source, kind, destination, key].map((part, index) =>
      index < 2 ? part : encodeURIComponent(part),
    );
    return [
      {
        what: `binding from ${source} to ${destination}, which nobody of ours made`,
        calls: [{ method: 'DELETE', path: path.join('/') }] as const,
        remedy: null,
      },
    ];
  });
}

/** Others may have their reasons, so they are only named. */
function strangers(
  { server, workers, revoked, managers, vhost }: BrokerMembers,
  { rights }: BrokerState,
): readonly BrokerChange[] {
  const known = new Set([server, ...workers.map(({ name }) => name), ...revoked, ...managers]);
  return [...rights].flatMap(([name, { configure, write, read }]) => {
    const isIdle = [configure, write, read].every((pattern) => pattern === '' || pattern === '^$');
    if (known.has(name) || isIdle) return [];
    return [
      {
        what: `user ${name} may do things in ${vhost}, and has no certificate of ours`,
        calls: [],
        remedy: `rabbitmqctl clear_permissions -p ${vhost} ${name}, unless it is meant to`,
      },
    ];
  });
}

function majorOf(version: string): number {
  return Number(/^(\d+)\./.exec(version)?.[1] ?? 3);
}

/** The same keys with the same values, in whatever order. */
function isSame(found: unknown, wanted: unknown): boolean {
  if (typeof found !== 'object' || typeof wanted !== 'object' || found === null || wanted === null)
    return found === wanted;
  const [left, right] = [found as Record<string, unknown>, wanted as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => isSame(left[key], right[key]));
}

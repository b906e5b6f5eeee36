import type { RabbitBroker } from './rabbit-broker.ts';

/** A queue of the test's own that gets a copy of everything that is told through some exchanges. */
export interface BrokerTap {
  /** Everything that came so far, oldest first, decoded. */
  told(): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Binds it, as only who administers the broker can. The exchanges must be there. */
export async function openBrokerTap(
  broker: RabbitBroker,
  vhost: string,
  exchanges: readonly string[],
): Promise<BrokerTap> {
  const queue = 'tap';
  await broker.api('PUT', `permissions/${vhost}/${broker.username}`, { configure: '.*', write: '.*', read: '.*' });
  await broker.api('PUT', `queues/${vhost}/${queue}`, { durable: false });
  for (const exchange of exchanges) await broker.api('POST', `bindings/${vhost}/e/${exchange}/q/${queue}`, {});
  const all: Readonly<Record<string, unknown>>[] = [];
  return {
    async told() {
      const wanted = { count: 1000, ackmode: 'ack_requeue_false', encoding: 'auto' };
      const got = (await broker.api('POST', `queues/${vhost}/${queue}/get`, wanted)) as readonly {
        readonly payload: string;
      }[];
      for (const { payload } of got) all.push(JSON.parse(payload) as Readonly<Record<string, unknown>>);
      return all;
    },
  };
}

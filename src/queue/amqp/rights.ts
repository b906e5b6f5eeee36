import { collectorQueue, deadLetterQueue, parkedQueue } from '../../core/queue-plan.ts';
import { collectorExchange, controlExchange, controlIdBytes } from './topology.ts';

/**
 * What a user may do in a virtual host: patterns of names of queues and exchanges together. Which call wants which right:
 * rabbitmq.com/docs/access-control, "Operations and required permissions".
 */
export interface Rights {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** Where workers' names end up: user, exchange and queue names, so nothing that needs quoting. */
export const workerNamePattern = /^[A-Za-z0-9][\w.-]{0,62}$/;

/**
 * A worker takes jobs of its pools, hears what is told to it, and speaks to the server; nothing else. Without the default exchange
 * (`amq.default`) it can put no job and no dead letter into a queue; without others' control exchanges it hears no grant of theirs.
 */
export function workerRights(name: string, pools: readonly string[]): Rights {
  const ownQueue = `${literal(`groundcrew.control.${name}.`)}[0-9a-f]{${String(2 * controlIdBytes)}}`;
  const jobs = `${literal('jobs.')}(${pools.map(literal).join('|')})(\\+.*)?`;
  return {
    configure: whole(ownQueue),
    write: whole(literal(collectorExchange), ownQueue),
    read: whole(
      ...(pools.length === 0 ? [] : [jobs]),
      ownQueue,
      ...[name, 'all'].map((to) => literal(controlExchange(to))),
    ),
  };
}

/** The server makes and uses everything of ours, and nothing else that may be in the virtual host. */
export function serverRights(): Rights {
  const ours = [...[collectorQueue, deadLetterQueue, parkedQueue].map(literal), 'jobs\\..*', 'groundcrew\\..*'];
  return { configure: whole(...ours), write: whole('amq\\.default', ...ours), read: whole(...ours) };
}

function whole(...alternatives: readonly string[]): string {
  return `^(${alternatives.join('|')})$`;
}

function literal(text: string): string {
  return text.replace(/[^\w-]/g, '\\$&');
}

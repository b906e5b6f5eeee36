import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { QueueCounts } from '../queue.ts';
import type { AmqpManagement } from './amqp-options.ts';
import { callManagement, type ManagementAnswer } from './management-call.ts';

const mostAnswerBytes = 256 * 1024;

/**
 * What the management API knows of a queue: a few seconds old (quorum queues tell it every 5 s, `quorum_tick_interval`),
 * zeros for a queue that it does not know yet. The totals alone are asked for, which costs the broker little
 * (rabbitmq.com/docs/management, `disable_stats` and `enable_queue_totals`); 3.10 gives them in its list alone, so we ask
 * for a list of one.
 * @throws GroundcrewError `queue/no-counts`
 */
export async function managementCounts(api: AmqpManagement, vhost: string, queue: string): Promise<QueueCounts> {
  const query = new URLSearchParams({
    disable_stats: 'true',
    enable_queue_totals: 'true',
    page: '1',
    page_size: '1',
    use_regex: 'true',
    name: `^${queue.replace(/\W/g, '\\$&')}$`,
  });
  const path = `queues/${encodeURIComponent(vhost)}?${String(query)}`;
  let answer: ManagementAnswer;
  try {
    answer = await callManagement(api, { method: 'GET', path }, mostAnswerBytes);
  } catch (cause) {
    throw noCounts(`cannot be asked: ${errorLine(cause)}`, cause);
  }
  if (answer.status !== 200) throw noCounts(`answered with status ${answer.status}`);
  return readCounts(answer.text);
}

/** The counts in an answer of the API. @throws GroundcrewError `queue/no-counts` */
export function readCounts(text: string): QueueCounts {
  let decoded: unknown;
  try {
    decoded = JSON.parse(text);
  } catch (cause) {
    throw noCounts('answered with something that is no JSON', cause);
  }
  if (!isRecord(decoded) || !Array.isArray(decoded['items'])) throw noCounts('answered with something that is no list');
  const first: unknown = decoded['items'][0];
  const fields = isRecord(first) ? first : {};
  return { ready: count(fields['messages_ready']), unacked: count(fields['messages_unacknowledged']) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

function noCounts(what: string, cause?: unknown): GroundcrewError {
  return new GroundcrewError('queue/no-counts', `the broker's management API ${what}`, { retry: 'later', cause });
}

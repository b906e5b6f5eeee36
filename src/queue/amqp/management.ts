import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { errorLine, GroundcrewError } from '../../base/errors.ts';
import type { QueueCounts } from '../queue.ts';
import type { AmqpManagement } from './amqp-options.ts';

const answerWithinMs = 10_000;
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
  const url = `${api.url.replace(/\/+$/, '')}/api/queues/${encodeURIComponent(vhost)}?${String(query)}`;
  let answer: { readonly status: number; readonly text: string };
  try {
    answer = await get(url, api);
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

function get(url: string, api: AmqpManagement): Promise<{ status: number; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(
    url,
    {
      auth: `${api.username}:${api.password()}`,
      signal: AbortSignal.timeout(answerWithinMs),
      ...(api.ca === undefined ? {} : { ca: api.ca }),
    },
    (response) => {
      const parts: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (part: Buffer) => {
        sizeBytes += part.length;
        if (sizeBytes > mostAnswerBytes) request.destroy(new Error('the answer is too long'));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
    },
  );
  request.on('error', reject);
  request.end();
  return promise;
}

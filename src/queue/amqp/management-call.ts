import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AmqpManagement } from './amqp-options.ts';

const answerWithinMs = 10_000;
const mostAnswerBytes = 16 * 1024 * 1024;

/** One call of the management API; `path` comes after `/api/`. */
export interface ManagementCall {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

/** What it answered, whatever the status. */
export interface ManagementAnswer {
  readonly status: number;
  readonly text: string;
}

/** Makes the call. Rejects with Node's error when nobody answers. */
export function callManagement(
  api: AmqpManagement,
  call: ManagementCall,
  mostBytes = mostAnswerBytes,
): Promise<ManagementAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ManagementAnswer>();
  const url = `${api.url.replace(/\/+$/, '')}/api/${call.path}`;
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  const request = (url.startsWith('https:') ? httpsRequest : httpRequest)(
    url,
    {
      method: call.method,
      auth: `${api.username}:${api.password()}`,
      signal: AbortSignal.timeout(answerWithinMs),
      ...(body === null
        ? {}
        : { headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }),
      ...(api.ca === undefined ? {} : { ca: api.ca }),
    },
    (response) => {
      const parts: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (part: Buffer) => {
        sizeBytes += part.length;
        if (sizeBytes > mostBytes) request.destroy(new Error('the answer is too long'));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
    },
  );
  request.on('error', reject);
  request.end(body ?? undefined);
  return promise;
}

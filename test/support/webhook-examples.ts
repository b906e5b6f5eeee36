import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A payload that GitHub sent once, collected and scrubbed by the community. */
export interface WebhookExample {
  /** `api.github.com`, or a version of Enterprise Server. */
  readonly server: string;
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export const exampleServers = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'] as const;

/** All examples of a server. Origin: github.com/octokit/webhooks, MIT. */
export function webhookExamples(server: (typeof exampleServers)[number] = 'api.github.com'): readonly WebhookExample[] {
  const path = fileURLToPath(import.meta.resolve(`@octokit/webhooks-examples/${server}/index.json`));
  const kinds = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly name: string;
    readonly examples: readonly Readonly<Record<string, unknown>>[];
  }[];
  return kinds.flatMap(({ name, examples }) => examples.map((payload) => ({ server, event: name, payload })));
}

/** A delivery id like GitHub's, made of a number. */
export function deliveryId(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** The headers of a delivery, signed. */
export function webhookHeaders(
  body: Buffer | string,
  {
    event = 'push',
    id = deliveryId(1),
    secret = 'first secret',
    type = 'application/json',
  }: { readonly event?: string; readonly id?: string; readonly secret?: string; readonly type?: string } = {},
): Record<string, string> {
  return {
    'content-type': type,
    'x-github-event': event,
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  };
}

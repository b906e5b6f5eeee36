import { createGitHubWebhookReader, type GitHubWebhookOptions } from '../../src/forge/github/webhook/webhook-read.ts';
import type { WebhookReader, WebhookReading } from '../../src/forge/webhook.ts';
import { webhookHeaders } from './webhook-examples.ts';

export const webhookSecrets = ['first secret', 'second secret'] as const;

/** Reads webhooks of the forge `github` with two repositories, unless told otherwise. */
export function aWebhookReader(options: Partial<GitHubWebhookOptions> = {}): WebhookReader {
  return createGitHubWebhookReader({
    forge: 'github',
    secrets: () => webhookSecrets,
    repos: () => ['Codertocat/Hello-World', 'octo/demo'],
    ownLogin: () => 'groundcrew[bot]',
    publicUrl: () => 'https://ci.example.org',
    ...options,
  });
}

/** What a genuine delivery of that payload says. */
export function readWebhookOf(
  event: string,
  payload: unknown,
  options: Partial<GitHubWebhookOptions> = {},
): WebhookReading {
  const body = Buffer.from(JSON.stringify(payload));
  return aWebhookReader(options).read({ headers: webhookHeaders(body, { event }), body });
}

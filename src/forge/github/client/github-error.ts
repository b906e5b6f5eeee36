import { GroundcrewError } from '../../../base/errors.ts';
import { plain } from '../../../base/git.ts';
import type { GitHubReply } from './github-reply.ts';

/**
 * GitHub's refusal as one of ours; null when the answer is none. `what` is method and path, for people. Limits are told
 * apart before (`limitOf`).
 */
export function refusalOf(reply: GitHubReply, what: string): GroundcrewError | null {
  const { status } = reply;
  if (status < 300) return null;
  // One that could be followed was. Taken for an answer, it would make every write done, and everybody a member.
  if (status < 400) {
    const message = `${what}: GitHub answered ${status}, which leads nowhere that our token may go`;
    return new GroundcrewError('forge/bad-answer', message, { retry: 'later' });
  }
  const said = messageOf(reply);
  const message = `${what}: GitHub answered ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 401) return new GroundcrewError('forge/unauthorized', message, { retry: 'never' });
  if (status === 403 || status === 451) return new GroundcrewError('forge/forbidden', message, { retry: 'never' });
  if (status === 404 || status === 410) return new GroundcrewError('forge/not-found', message, { retry: 'never' });
  if (status >= 500 || status === 408) return new GroundcrewError('forge/unreachable', message, { retry: 'later' });
  return new GroundcrewError('forge/refused', message, { retry: 'never' });
}

/** What GitHub says about its refusal, in one bounded line. */
export function messageOf(reply: GitHubReply): string {
  try {
    const told: unknown = JSON.parse(reply.body.toString('utf8'));
    if (typeof told !== 'object' || told === null || !('message' in told) || typeof told.message !== 'string')
      return '';
    const errors = 'errors' in told && Array.isArray(told.errors) ? told.errors : [];
    const details = errors.slice(0, 5).map((error) => (typeof error === 'string' ? error : JSON.stringify(error)));
    return plain([told.message, ...details].join('; ')).slice(0, 300);
  } catch {
    return '';
  }
}

/**
 * The pause that GitHub asks for; null when the answer speaks of no limit. `primary`: the hour's quota is used up;
 * `secondary`: too fast, or a pause without a reason. `waitMs` null: it did not say how long.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
export function limitOf(
  reply: GitHubReply,
): { readonly kind: 'primary' | 'secondary'; readonly waitMs: number | null } | null {
  const { status, headers } = reply;
  if (status !== 403 && status !== 429 && status !== 503 && !isGraphqlLimit(reply)) return null;
  const retryAfter = secondsOf(headers.get('retry-after'));
  if (retryAfter !== null) return { kind: 'secondary', waitMs: retryAfter * 1000 };
  if (status === 503) return null;
  if (headers.get('x-ratelimit-remaining') === '0') return { kind: 'primary', waitMs: untilReset(headers) };
  if (status === 429 || /rate limit|abuse detection/i.test(messageOf(reply)))
    return { kind: 'secondary', waitMs: null };
  return status === 403 ? null : { kind: 'primary', waitMs: untilReset(headers) };
}

/** GraphQL answers 200 and says it in the body. https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api */
function isGraphqlLimit({ status, body }: GitHubReply): boolean {
  // A view of twenty places is large, a refusal is not.
  return status === 200 && body.length < 4096 && /"type"\s*:\s*"RATE_LIMITED"/.test(body.toString('latin1'));
}

/** Until the quota is full again, by GitHub's own clock (ms); null when the headers do not say. */
export function untilReset(headers: ReadonlyMap<string, string>): number | null {
  const reset = secondsOf(headers.get('x-ratelimit-reset'));
  const date = Date.parse(headers.get('date') ?? '');
  return reset === null || Number.isNaN(date) ? null : Math.max(0, reset * 1000 - date);
}

function secondsOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : null;
}

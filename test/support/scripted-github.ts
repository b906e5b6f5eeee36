import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { TrustRule } from '../../src/core/trust-rule.ts';
import { createGitHubForge, type GitHubForge } from '../../src/forge/github/github-forge.ts';
import { type CameIn, openScriptedHttp, type Scripted } from './scripted-http.ts';
import { type CleansUp, tempDir } from './temp-dir.ts';

/** Trusts nobody. */
export const trustsNobody: TrustRule = { users: [], organisations: [], teams: [], permission: 'none' };

/** Our forge, watching `acme/demo` on a server that answers as it is told; `seen` is what it was asked. */
export async function scriptedForge(
  context: CleansUp,
  answer: (request: CameIn, url: () => string) => Scripted,
  trust: TrustRule = trustsNobody,
): Promise<{ readonly forge: GitHubForge; readonly seen: readonly CameIn[] }> {
  let address = '';
  const { url, seen } = await openScriptedHttp(context, (request) => answer(request, () => address));
  address = url;
  const forge = createGitHubForge({
    name: 'gh',
    apiUrl: url,
    webUrl: url,
    repos: () => [{ name: 'acme/demo', branches: [], trust }],
    auth: { kind: 'token', token: () => 'ghp_secret' },
    statuses: { kind: 'post' },
    cacheFile: join(await tempDir(context), 'cache'),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  });
  context.after(() => forge.close());
  return { forge, seen };
}

/** What GraphQL answers to a look at one pull request, with these fields of its own. */
export function pullAnswer(
  sha: string,
  given: { readonly author?: string; readonly owner?: string; readonly comments?: readonly object[] } = {},
): string {
  const { author = 'ada', owner = author, comments = [] } = given;
  const pull = {
    state: 'OPEN',
    isDraft: false,
    title: 'x',
    updatedAt: '2026-11-22T10:00:00Z',
    headRefOid: sha,
    baseRefName: 'main',
    isCrossRepository: owner !== 'acme',
    author: { __typename: 'User', login: author },
    headRepositoryOwner: { __typename: 'User', login: owner },
    labels: null,
    comments: { nodes: comments },
    commits: { nodes: [{ commit: { oid: sha, status: null } }] },
  };
  return JSON.stringify({ data: { viewer: { login: 'crew-bot' }, repository: { p0: pull } } });
}

import { z } from 'zod';
import { errorLine, isGroundcrewError } from '../../../base/errors.ts';
import { plain } from '../../../base/git.ts';
import type { Account } from '../account/account.ts';
import { checkAppHook, checkRepoHooks, eventFindings, type HookCheck } from './check-hook.ts';
import { bad, type GitHubFinding, good } from './finding.ts';
import type { Installation } from '../account/github-auth.ts';
import { callAt, type GitHubHub } from '../hub.ts';

/** What we do needs these rights. https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps */
const neededRights: Readonly<Record<string, 'read' | 'write'>> = {
  metadata: 'read',
  contents: 'read',
  statuses: 'write',
  pull_requests: 'write',
  issues: 'write',
};
const appSchema = z.object({
  slug: z.string(),
  permissions: z.record(z.string(), z.string()),
  events: z.array(z.string()),
});
const repoSchema = z.object({ permissions: z.object({ push: z.boolean() }).optional() });
const rateSchema = z.object({
  resources: z.object({ core: z.object({ limit: z.number(), remaining: z.number(), reset: z.number() }) }),
});

/** Looks at everything that must be set up at GitHub; each trouble is a finding, never an error. */
export async function checkGitHub(hub: GitHubHub, options: HookCheck): Promise<readonly GitHubFinding[]> {
  const { app } = hub.accounts;
  if (app !== null) {
    const general = await checkApp(hub, app, options);
    // Without the App nothing else can be asked for.
    if (general.installations === null) return general.findings;
    const findings = [...general.findings];
    const installed = new Set((general.installations ?? []).map(({ account }) => account?.login.toLowerCase()));
    for (const { name } of hub.repos()) {
      // Said once for its owner.
      if (!installed.has(ownerOf(name).toLowerCase())) continue;
      findings.push(...(await checkRepo(hub, name, options)));
    }
    return findings;
  }
  const findings: GitHubFinding[] = [];
  const [first] = hub.repos();
  if (first === undefined) return [bad('no repository is configured for this forge', 'add one under `projects`')];
  const who = await checkToken(hub, first.name, options);
  findings.push(...who);
  if (who.some(({ ok }) => !ok)) return findings;
  for (const { name } of hub.repos()) {
    const found = await checkRepo(hub, name, options);
    findings.push(...found);
    // What cannot be seen at all has no webhooks to speak of.
    if (found.every(({ ok }) => !ok)) continue;
    findings.push(...(await looking(`the webhooks of ${name}`, () => checkRepoHooks(hub, name, options))));
  }
  return findings;
}

async function checkToken(hub: GitHubHub, repo: string, { signal }: HookCheck): Promise<readonly GitHubFinding[]> {
  return looking('the token', async () => {
    const { call } = await callAt(hub, repo, signal);
    const reply = await hub.client.raw('GET /user', {}, call);
    if (reply.status === 401) {
      return [bad('GitHub does not accept the token', 'make a new one; this one is mistyped, revoked or expired')];
    }
    const told = z.object({ login: z.string() }).safeParse(jsonOf(reply.body));
    const findings = [good(`GitHub knows the token${told.success ? ` as ${plain(told.data.login)}'s` : ''}`)];
    const scopes = reply.headers.get('x-oauth-scopes');
    // A fine-grained token has no scopes; what it may do shows itself at the repository.
    if (scopes !== undefined && scopes.trim() !== '' && !/(?:^|,)\s*(?:repo|public_repo)\s*(?:,|$)/.test(scopes)) {
      findings.push(
        bad(`the token has the scopes ${plain(scopes)}`, 'give it `repo`, or `public_repo` for public ones'),
      );
    }
    return [...findings, await checkRate(hub, call.account, signal)];
  });
}

async function checkApp(
  hub: GitHubHub,
  app: Account,
  options: HookCheck,
): Promise<{ readonly findings: readonly GitHubFinding[]; readonly installations: readonly Installation[] | null }> {
  const { signal } = options;
  const call = { account: app, signal };
  let installations: readonly Installation[] | null = null;
  const findings = await looking('the GitHub App', async () => {
    const told = await hub.client.getOrNull('GET /app', {}, appSchema, call);
    if (told === null) return [bad('GitHub knows no App with this id', 'correct `app.id`: the App ID in its settings')];
    installations = await hub.accounts.installations(signal);
    const rights = rightsFor(hub);
    return [
      good(`GitHub knows the App ${plain(told.slug)}`),
      ...lackingRights(missingRights(told.permissions, rights)),
      ...eventFindings('the App', told.events),
      ...ownersOf(hub).flatMap((owner) => checkInstallation(owner, installations ?? [], told.permissions)),
    ];
  });
  if (installations === null) return { findings, installations };
  const hook = await looking("the App's webhook", () => checkAppHook(hub, app, options));
  return { findings: [...findings, ...hook], installations };
}

function checkInstallation(
  owner: string,
  installations: readonly Installation[],
  asked: Readonly<Record<string, string>>,
): readonly GitHubFinding[] {
  const found = installations.find(({ account }) => account?.login.toLowerCase() === owner.toLowerCase());
  if (found === undefined)
    return [bad(`the App is not installed at ${owner}`, `install it there, for the configured repositories`)];
  if ((found.suspended_at ?? null) !== null)
    return [bad(`the App is suspended at ${owner}`, 'unsuspend it in the settings there')];
  const missing = Object.entries(asked).filter(([right, level]) => !isEnough(found.permissions[right], level));
  return missing.length === 0
    ? [good(`the App is installed at ${owner}`)]
    : [
        bad(
          `${owner} has not accepted the permission ${missing.map(([right]) => right).join(', ')}`,
          'accept it in the settings there',
        ),
      ];
}

async function checkRepo(hub: GitHubHub, repo: string, { signal }: HookCheck): Promise<readonly GitHubFinding[]> {
  return looking(repo, async () => {
    const { at, call } = await callAt(hub, repo, signal);
    const found = await hub.client.getOrNull('GET /repos/{owner}/{repo}', at, repoSchema, call);
    const { app } = hub.accounts;
    // A public repository can be read by any App; only where it is installed may it write.
    const route = 'GET /repos/{owner}/{repo}/installation';
    const isInstalled =
      app === null || (await hub.client.getOrNull(route, at, z.unknown(), { account: app, signal })) !== null;
    if (found !== null && !isInstalled) {
      return [bad(`the App is not installed on ${repo}`, 'add the repository in the settings of its installation')];
    }
    if (found === null) {
      return [bad(`${repo} is not there, or not for us`, 'correct its name, or let the account (or the App) see it')];
    }
    const findings = [good(`${repo} can be read`)];
    if (hub.accounts.app === null && found.permissions?.push === false) {
      findings.push(bad(`no statuses may be written to ${repo}`, 'give the account of the token the role write'));
    }
    for (const [right, route] of [
      ['pull requests', 'GET /repos/{owner}/{repo}/pulls'],
      ['contents', 'GET /repos/{owner}/{repo}/branches'],
      ['issues', 'GET /repos/{owner}/{repo}/issues'],
    ] as const) {
      const reply = await hub.client.raw(route, { ...at, per_page: 1 }, call);
      if (reply.status >= 400)
        findings.push(bad(`${right} of ${repo} cannot be read`, 'give the token or App this permission'));
    }
    if (hub.accounts.app !== null) findings.push(await checkRate(hub, call.account, signal));
    return findings;
  });
}

async function checkRate({ client }: GitHubHub, account: Account, signal: AbortSignal): Promise<GitHubFinding> {
  const { resources } = await client.get('GET /rate_limit', {}, rateSchema, { account, signal });
  const { limit, remaining } = resources.core;
  const what = `${remaining} of ${limit} requests are left in this hour`;
  return remaining > limit / 10
    ? good(what)
    : bad(what, 'find out who else uses this account; an App has a quota of its own');
}

/** Members of organisations and teams are asked for only where the trust rule names some. */
function rightsFor(hub: GitHubHub): Readonly<Record<string, 'read' | 'write'>> {
  const isAsking = hub.repos().some(({ trust }) => trust.organisations.length + trust.teams.length > 0);
  return isAsking ? { ...neededRights, members: 'read' } : neededRights;
}

function missingRights(
  has: Readonly<Record<string, string>>,
  needed: Readonly<Record<string, string>>,
): readonly string[] {
  return Object.entries(needed).flatMap(([right, level]) =>
    isEnough(has[right], level) ? [] : [`${right}: ${level}`],
  );
}

function isEnough(has: string | undefined, needed: string): boolean {
  const levels = ['read', 'write', 'admin'];
  return has !== undefined && levels.indexOf(has) >= levels.indexOf(needed);
}

function lackingRights(missing: readonly string[]): readonly GitHubFinding[] {
  if (missing.length === 0) return [];
  const what = `the App lacks the ${missing.length === 1 ? 'permission' : 'permissions'} ${missing.join(', ')}`;
  return [bad(what, 'add this in the settings of the App, then accept it where the App is installed')];
}

function ownersOf(hub: GitHubHub): readonly string[] {
  return [...new Set(hub.repos().map(({ name }) => ownerOf(name)))];
}

function ownerOf(repo: string): string {
  return repo.split('/')[0] ?? '';
}

async function looking(what: string, look: () => Promise<readonly GitHubFinding[]>): Promise<readonly GitHubFinding[]> {
  try {
    return await look();
  } catch (error) {
    return [bad(`${what}: ${errorLine(error)}`, remedyOf(error))];
  }
}

function remedyOf(error: unknown): string {
  if (!isGroundcrewError(error)) return 'see the message';
  if (error.code === 'forge/unauthorized') return 'correct the token, or the id and key of the App';
  if (error.code === 'forge/bad-key') return 'use the PEM file that GitHub gave for the App';
  if (error.code === 'forge/forbidden' || error.code === 'forge/not-found')
    return 'give the token or App this permission';
  if (error.code === 'forge/not-installed') return 'install the App there';
  if (error.code === 'forge/unreachable') return 'see whether `apiUrl` is right and can be reached from here';
  return 'try again when GitHub answers';
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

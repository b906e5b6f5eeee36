import type { App, AppPermissions, Installation } from './app-records.ts';
import { fullName, type Account, type Permission, type Team } from './records.ts';
import { accountOf, repoOf, type World } from './world.ts';

/** Makes a person, an organisation or a bot. @throws Error when the name is taken. */
export function createAccount(world: World, login: string, type: Account['type'] = 'User'): Account {
  if (world.accounts.has(login.toLowerCase())) throw new Error(`the fake GitHub has an account ${login} already`);
  const account: Account = { id: world.nextId(), login, type, members: new Map(), teams: new Map() };
  world.accounts.set(login.toLowerCase(), account);
  return account;
}

/** Puts somebody into an organisation; null takes the person out, of its teams too. */
export function setMember(world: World, org: string, login: string, role: 'admin' | 'member' | null): void {
  const { members, teams } = accountOf(world, org);
  const name = accountOf(world, login).login.toLowerCase();
  if (role !== null) {
    members.set(name, role);
    return;
  }
  members.delete(name);
  for (const team of teams.values()) team.members.delete(name);
}

/** Makes a team, or gives the one that is there. */
export function teamOf(world: World, org: string, slug: string): Team {
  const { teams } = accountOf(world, org);
  const team = teams.get(slug.toLowerCase()) ?? {
    id: world.nextId(),
    slug: slug.toLowerCase(),
    members: new Map<string, 'active' | 'pending'>(),
    repos: new Map<string, Permission>(),
  };
  teams.set(team.slug, team);
  return team;
}

/** `pending` is somebody who has not accepted yet; null takes the person out. Being in a team is being in the organisation. */
export function setTeamMember(
  world: World,
  org: string,
  slug: string,
  { login, state }: { readonly login: string; readonly state: 'active' | 'pending' | null },
): void {
  const team = teamOf(world, org, slug);
  const name = accountOf(world, login).login.toLowerCase();
  if (state === null) team.members.delete(name);
  else team.members.set(name, state);
  if (state === 'active' && !accountOf(world, org).members.has(name)) setMember(world, org, login, 'member');
}

/** What a team may do with a repository of its organisation. */
export function giveTeam(world: World, org: string, slug: string, to: { repo: string; permission: Permission }): void {
  teamOf(world, org, slug).repos.set(fullName(repoOf(world, to.repo)).toLowerCase(), to.permission);
}

/** What somebody may do with a repository; `none` takes everything away. */
export function setCollaborator(world: World, repo: string, login: string, permission: Permission): void {
  const { collaborators } = repoOf(world, repo);
  const name = accountOf(world, login).login.toLowerCase();
  if (permission === 'none') collaborators.delete(name);
  else collaborators.set(name, permission);
}

/** A personal access token to make. */
export interface NewToken {
  /** Epoch ms; default: it does not expire. */
  readonly expiresAt?: number;
  /** What a classic token tells of itself; null: a fine-grained one. What it may do is what its owner may. */
  readonly scopes?: string | null;
}

/** A personal access token. */
export function createToken(world: World, login: string, wanted: NewToken = {}): string {
  const { expiresAt = null, scopes = 'admin:repo_hook, read:org, repo' } = wanted;
  const token = `${scopes === null ? 'github_pat_' : 'ghp_'}${world.random.hex(18)}`;
  world.tokens.set(token, { kind: 'user', account: accountOf(world, login), expiresAt, scopes });
  return token;
}

/** From now on: Bad credentials. */
export function revokeToken(world: World, token: string): void {
  world.tokens.delete(token);
}

/** What a new App asks for. */
export interface NewApp {
  readonly slug: string;
  readonly owner: string;
  /** PEM of the key that signs its JWTs. */
  readonly publicKey: string;
  readonly permissions?: AppPermissions;
  readonly events?: readonly string[];
}

/** What groundcrew asks for; see docs/guides/github.md. */
const usualPermissions: AppPermissions = {
  contents: 'read',
  issues: 'write',
  members: 'read',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'write',
};

/** Registers a GitHub App, with the account `slug[bot]` that its writes show. */
export function createApp(world: World, wanted: NewApp): App {
  const app: App = {
    id: world.nextId(),
    slug: wanted.slug,
    owner: accountOf(world, wanted.owner),
    publicKey: wanted.publicKey,
    permissions: wanted.permissions ?? usualPermissions,
    events: wanted.events ?? ['pull_request', 'push', 'status', 'issue_comment', 'create', 'delete', 'repository'],
    createdAt: world.clock.now(),
    bot: createAccount(world, `${wanted.slug}[bot]`, 'Bot'),
  };
  world.apps.set(app.id, app);
  return app;
}

/** Installs an App for an account: on these repositories of it, or on all. */
export function installApp(world: World, app: App, on: { account: string; repos?: readonly string[] }): Installation {
  const installation: Installation = {
    id: world.nextId(),
    app,
    account: accountOf(world, on.account),
    repos: on.repos === undefined ? null : on.repos.map((name) => repoOf(world, name)),
    permissions: app.permissions,
    suspendedAt: null,
    createdAt: world.clock.now(),
  };
  world.installations.set(installation.id, installation);
  return installation;
}

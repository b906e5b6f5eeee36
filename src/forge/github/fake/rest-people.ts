import { loginOf, param, type Call, type Answer, repoRoute, route, type Route } from './call.ts';
import { privateUser, simpleUser, teamMembership } from './json-account.ts';
import { notFound, refuse } from './refusal.ts';
import { type Account, type Permission, permissions } from './records.ts';
import type { Json } from './json.ts';
import { pageOf } from './pages.ts';
import { isAtLeast, permissionOf } from './world.ts';

/** People, organisations and teams: https://docs.github.com/en/rest/collaborators/collaborators, …/orgs/members, …/teams/members */
export const peopleRoutes: readonly Route[] = [
  route('GET /user', 'user', (call) => {
    if (call.actor.kind !== 'user') throw refuse(403, 'Resource not accessible by integration');
    return { body: privateUser(call.world, call.actor.account) };
  }),
  route('GET /users/{username}', 'anybody', (call) => {
    const account = known(call, param(call, 'username'));
    const { email: _email, ...rest } = privateUser(call.world, account);
    return { body: { ...rest, email: null } };
  }),
  repoRoute('GET /collaborators/{username}/permission', { level: 'pull', app: [['metadata', 'read']] }, (call) => {
    mustPush(call);
    const account = known(call, param(call, 'username'));
    const permission = permissionOf(call.repo, account.login);
    // The old field knows four words; maintain reads as write and triage as read.
    const words = {
      none: 'none',
      pull: 'read',
      triage: 'read',
      push: 'write',
      maintain: 'write',
      admin: 'admin',
    } as const;
    const user = collaboratorJson(call, account.login, permission);
    return { body: { permission: words[permission], role_name: roles[permission], user } };
  }),
  repoRoute('GET /collaborators', { level: 'pull', app: [['metadata', 'read']] }, (call) => {
    mustPush(call);
    const asked = permissions.find((word) => word === call.query.get('permission')) ?? 'pull';
    // Everybody who reads a public repository is no collaborator of it.
    const people = [...call.world.accounts.values()].filter(
      ({ type, login }) => type === 'User' && isAtLeast(permissionOf({ ...call.repo, isPrivate: true }, login), asked),
    );
    const page = pageOf(call, people);
    return {
      body: page.items.map(({ login }) => collaboratorJson(call, login, permissionOf(call.repo, login))),
      headers: page.headers,
    };
  }),
  repoRoute('GET /collaborators/{username}', { level: 'pull', app: [['metadata', 'read']] }, (call) => {
    mustPush(call);
    const name = param(call, 'username').toLowerCase();
    if (permissionOf({ ...call.repo, isPrivate: true }, name) === 'none') throw notFound();
    return {};
  }),
  route('GET /orgs/{org}/members', 'anybody', (call) => {
    const org = organisation(call);
    // Who is no member sees public members only, and ours all keep it to themselves.
    const role = call.query.get('role') ?? 'all';
    const all = maySee(call, org, true) ? [...org.members].filter(([, is]) => role === 'all' || is === role) : [];
    return listed(
      call,
      all.map(([login]) => login),
    );
  }),
  route('GET /orgs/{org}/teams/{team_slug}/members', 'token', (call) => {
    const org = organisation(call);
    const team = maySee(call, org) ? org.teams.get(param(call, 'team_slug').toLowerCase()) : undefined;
    if (team === undefined) throw notFound();
    const active = [...team.members].filter(([, state]) => state === 'active');
    return listed(
      call,
      active.map(([login]) => login),
    );
  }),
  route('GET /orgs/{org}/members/{username}', 'anybody', (call) => {
    const org = organisation(call);
    if (!maySee(call, org, true)) {
      // GitHub sends who is no member to the list of public members.
      const to = `${call.world.urls.api}/orgs/${org.login}/public_members/${param(call, 'username')}`;
      return { status: 302, headers: { location: to } };
    }
    if (!org.members.has(param(call, 'username').toLowerCase())) throw notFound();
    return {};
  }),
  route('GET /orgs/{org}/teams/{team_slug}/memberships/{username}', 'token', (call) => {
    const org = organisation(call);
    if (!maySee(call, org)) throw notFound();
    const team = org.teams.get(param(call, 'team_slug').toLowerCase());
    const login = param(call, 'username');
    const state = team?.members.get(login.toLowerCase());
    if (team === undefined || state === undefined) throw notFound();
    return { body: teamMembership(call.world, team, known(call, login).login, state) };
  }),
];

const roles = {
  none: 'none',
  pull: 'read',
  triage: 'triage',
  push: 'write',
  maintain: 'maintain',
  admin: 'admin',
} as const;

/** Schema `collaborator`. */
function collaboratorJson(call: Call, login: string, permission: Permission): Json {
  return {
    ...simpleUser(call.world, login),
    permissions: {
      pull: isAtLeast(permission, 'pull'),
      triage: isAtLeast(permission, 'triage'),
      push: isAtLeast(permission, 'push'),
      maintain: isAtLeast(permission, 'maintain'),
      admin: isAtLeast(permission, 'admin'),
    },
    role_name: roles[permission],
  };
}

function known(call: Call, login: string): Account {
  const account = call.world.accounts.get(login.toLowerCase());
  if (account === undefined) throw notFound();
  return account;
}

function listed(call: Call, logins: readonly string[]): Answer {
  const page = pageOf(call, logins);
  return { body: page.items.map((login) => simpleUser(call.world, login)), headers: page.headers };
}

function organisation(call: Call): Account {
  const account = known(call, param(call, 'org'));
  if (account.type !== 'Organization') throw notFound();
  return account;
}

/** Members see members; an App needs the permission `members` of an installation there. */
function maySee(call: Call, org: Account, isPublicToo = false): boolean {
  const { actor } = call;
  if (actor.kind === 'user') return org.members.has(actor.account.login.toLowerCase());
  if (actor.kind !== 'installation' || actor.installation.account !== org) return false;
  // https://docs.github.com/en/rest/orgs/members: without it, public members are what there is.
  if (actor.permissions['members'] === undefined && isPublicToo) return false;
  if (actor.permissions['members'] === undefined) throw refuse(403, 'Resource not accessible by integration');
  return true;
}

function mustPush(call: Parameters<Parameters<typeof repoRoute>[2]>[0]): void {
  if (call.actor.kind === 'installation') return;
  if (call.actor.kind === 'anonymous') throw refuse(401, 'Requires authentication');
  if (!isAtLeast(permissionOf(call.repo, loginOf(call.actor)), 'push')) {
    throw refuse(403, 'Must have push access to view collaborator permission.');
  }
}

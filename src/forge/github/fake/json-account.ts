import type { Json } from './json.ts';
import type { Account, Label, Reaction, Team } from './records.ts';
import { accountOf, iso, nodeId, type World } from './world.ts';

/** Schema `simple-user`. */
export function simpleUser(world: World, login: string): Json {
  const account = accountOf(world, login);
  const url = `${world.urls.api}/users/${encodeURIComponent(account.login)}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.type, account.id),
    avatar_url: avatarUrl(world, account),
    gravatar_id: '',
    url,
    html_url: webUrlOf(world, account),
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.type,
    site_admin: false,
  };
}

/** The page of somebody; of a bot, that of its App. */
export function webUrlOf(world: World, { type, login }: Account): string {
  return `${world.urls.web}/${type === 'Bot' ? `apps/${login.replace(/\[bot\]$/, '')}` : login}`;
}

export function avatarUrl(world: World, account: Account): string {
  return `${world.urls.web}/avatars/u/${account.id}`;
}

/** Schema `private-user`: what somebody reads about himself. */
export function privateUser(world: World, account: Account): Json {
  return {
    ...simpleUser(world, account.login),
    name: account.login,
    company: null,
    blog: '',
    location: null,
    email: `${account.login}@users.noreply.github.com`,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: '2020-01-01T00:00:00Z',
    updated_at: '2020-01-01T00:00:00Z',
    private_gists: 0,
    total_private_repos: 0,
    owned_private_repos: 0,
    disk_usage: 0,
    collaborators: 0,
    two_factor_authentication: true,
  };
}

/** Schema `organization-simple`. */
export function simpleOrganization(world: World, account: Account): Json {
  const url = `${world.urls.api}/orgs/${encodeURIComponent(account.login)}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('Organization', account.id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: avatarUrl(world, account),
    description: '',
  };
}

/** Schema `team-membership`. */
export function teamMembership(world: World, team: Team, login: string, state: string): Json {
  return { url: `${world.urls.api}/teams/${team.id}/memberships/${login}`, role: 'member', state };
}

/** Schema `label`. */
export function labelJson(world: World, repoName: string, label: Label): Json {
  return {
    id: label.id,
    node_id: nodeId('Label', label.id),
    url: `${world.urls.api}/repos/${repoName}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    description: label.description,
    color: label.color,
    default: false,
  };
}

/** Schema `reaction`. */
export function reactionJson(world: World, reaction: Reaction): Json {
  return {
    id: reaction.id,
    node_id: nodeId('Reaction', reaction.id),
    user: simpleUser(world, reaction.user),
    content: reaction.content,
    created_at: iso(reaction.createdAt),
  };
}

import type { App, AppPermissions, Installation } from './app-records.ts';
import { covers } from './authenticate.ts';
import { type Call, numberParam, route, type Route } from './call.ts';
import type { Json } from './json.ts';
import { simpleUser } from './json-account.ts';
import { repoJson } from './json-repo.ts';
import { pageOf } from './pages.ts';
import { notFound, refuse } from './refusal.ts';
import type { Repository } from './records.ts';
import { iso, nodeId, type World } from './world.ts';

// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app
const tokenLifeMs = 60 * 60_000;

/** https://docs.github.com/en/rest/apps/apps and …/installations */
export const appRoutes: readonly Route[] = [
  route('GET /app', 'app', (call) => ({ body: appJson(call.world, appIn(call)) })),
  route('GET /app/installations', 'app', (call) => {
    const page = pageOf(call, installationsOf(call.world, appIn(call)));
    return { body: page.items.map((one) => installationJson(call.world, one)), headers: page.headers };
  }),
  route('GET /app/installations/{installation_id}', 'app', (call) => ({
    body: installationJson(call.world, installationIn(call)),
  })),
  route('POST /app/installations/{installation_id}/access_tokens', 'app', (call) => ({
    status: 201,
    body: newToken(call, installationIn(call)),
  })),
  route('GET /repos/{owner}/{repo}/installation', 'app', (call) => {
    const repo = call.world.repos.get(`${call.params['owner'] ?? ''}/${call.params['repo'] ?? ''}`.toLowerCase());
    const found = installationsOf(call.world, appIn(call)).find((one) => repo !== undefined && covers(one, repo));
    if (found === undefined) throw notFound();
    return { body: installationJson(call.world, found) };
  }),
  route('GET /installation/repositories', 'installation', (call) => {
    const { actor, world } = call;
    if (actor.kind !== 'installation') throw notFound();
    const all = [...world.repos.values()].filter((repo) =>
      covers({ account: actor.installation.account, repos: actor.repos }, repo),
    );
    const page = pageOf(call, all);
    const body = {
      total_count: all.length,
      repository_selection: actor.repos === null ? 'all' : 'selected',
      repositories: page.items.map((repo) => repoJson(world, repo)),
    };
    return { body, headers: page.headers };
  }),
];

/** Where an App is installed. */
export function installationsOf(world: World, app: App): readonly Installation[] {
  return [...world.installations.values()].filter((one) => one.app === app);
}

function appIn(call: Call): App {
  if (call.actor.kind !== 'app') throw notFound();
  return call.actor.app;
}

function installationIn(call: Call): Installation {
  const installation = call.world.installations.get(numberParam(call, 'installation_id'));
  if (installation?.app !== appIn(call)) throw notFound();
  return installation;
}

/** Schema `installation-token`. Narrower than the installation where the body says so, never wider: 422. */
function newToken(call: Call, installation: Installation): Json {
  const { world, body } = call;
  if (installation.suspendedAt !== null) throw refuse(403, 'This installation has been suspended');
  const repos = askedRepos(world, installation, body);
  const permissions = askedPermissions(installation, body);
  const token = `ghs_${world.random.hex(18)}`;
  const expiresAt = world.clock.now() + tokenLifeMs;
  world.tokens.set(token, { kind: 'installation', installation, expiresAt, repos, permissions });
  dropExpired(world);
  return {
    token,
    expires_at: iso(expiresAt),
    permissions,
    repository_selection: repos === null ? 'all' : 'selected',
    ...(repos === null ? {} : { repositories: repos.map((repo) => repoJson(world, repo)) }),
  };
}

function dropExpired(world: World): void {
  for (const [token, { expiresAt }] of world.tokens) {
    if (expiresAt !== null && expiresAt + tokenLifeMs < world.clock.now()) world.tokens.delete(token);
  }
}

function askedRepos(world: World, installation: Installation, body: Json): readonly Repository[] | null {
  const names = body['repositories'];
  const ids = body['repository_ids'];
  if (!Array.isArray(names) && !Array.isArray(ids)) return installation.repos;
  const wanted = [names, ids].flatMap((list: unknown): readonly unknown[] => (Array.isArray(list) ? list : []));
  return wanted.map((one) => {
    const repo = [...world.repos.values()].find(
      (other) => covers(installation, other) && (other.id === one || other.name === one),
    );
    if (repo === undefined) {
      throw refuse(
        422,
        'There is at least one repository that does not exist or is not accessible to the parent installation.',
      );
    }
    return repo;
  });
}

function askedPermissions(installation: Installation, body: Json): AppPermissions {
  const asked = body['permissions'];
  if (typeof asked !== 'object' || asked === null) return installation.permissions;
  for (const [name, level] of Object.entries(asked as Record<string, unknown>)) {
    const has = installation.permissions[name];
    if (has === undefined || (level === 'write' && has === 'read')) {
      throw refuse(422, 'The permissions requested are not granted to this installation.');
    }
  }
  return asked as AppPermissions;
}

/** Schema `integration`. */
function appJson(world: World, app: App): Json {
  const events = [...app.events];
  return {
    id: app.id,
    slug: app.slug,
    client_id: `Iv1.${app.id}`,
    node_id: nodeId('App', app.id),
    owner: simpleUser(world, app.owner.login),
    name: app.slug,
    description: null,
    external_url: 'https://example.com',
    html_url: `${world.urls.web}/apps/${app.slug}`,
    created_at: iso(app.createdAt),
    updated_at: iso(app.createdAt),
    permissions: app.permissions,
    events,
    installations_count: installationsOf(world, app).length,
  };
}

/** Schema `installation`. */
export function installationJson(world: World, installation: Installation): Json {
  const { app, account } = installation;
  return {
    id: installation.id,
    client_id: `Iv1.${app.id}`,
    account: simpleUser(world, account.login),
    repository_selection: installation.repos === null ? 'all' : 'selected',
    access_tokens_url: `${world.urls.api}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${world.urls.api}/installation/repositories`,
    html_url: `${world.urls.web}/settings/installations/${installation.id}`,
    app_id: app.id,
    app_slug: app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: installation.permissions,
    events: [...app.events],
    created_at: iso(installation.createdAt),
    updated_at: iso(installation.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: installation.suspendedAt === null ? null : simpleUser(world, account.login),
    suspended_at: installation.suspendedAt === null ? null : iso(installation.suspendedAt),
  };
}

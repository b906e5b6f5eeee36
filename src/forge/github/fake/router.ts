import { covers } from './authenticate.ts';
import type { Actor, Answer, AppNeeds, Call, RepoCall, Route } from './call.ts';
import { notFound, refuse } from './refusal.ts';
import type { Repository, RepoState } from './records.ts';
import { isAtLeast, permissionOf, type World } from './world.ts';

/** A route that fits a request, with the parameters of its path. */
export interface Found {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the route of a request; null when there is none. */
export type Router = (method: string, path: string) => Found | null;

// These may hold slashes: a branch, a file, a ref.
const wide = new Set(['path', 'ref', 'branch']);

/** Earlier routes win. */
export function createRouter(routes: readonly Route[]): Router {
  const compiled = routes.map((route) => {
    const names: string[] = [];
    const pattern = route.template.replace(/\{(\w+)\}/g, (_all, name: string) => {
      names.push(name);
      return wide.has(name) ? '(.*)' : '([^/]+)';
    });
    return { route, names, pattern: new RegExp(`^${pattern}$`) };
  });
  return (method, path) => {
    for (const { route, names, pattern } of compiled) {
      if (route.method !== method) continue;
      const match = pattern.exec(path);
      if (match === null) continue;
      const params = names.map((name, index) => [name, decode(match[index + 1] ?? '')] as const);
      return { route, params: Object.fromEntries(params) };
    }
    return null;
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw notFound();
  }
}

/** Runs a route when the actor may. `seen` gives the state of a repository that this replica shows. */
export async function runRoute(call: Call, route: Route, seen: (repo: Repository) => RepoState): Promise<Answer> {
  const { actor } = call;
  if (route.of === 'repo') {
    const repo = repoIn(call.world, call);
    mayUse(actor, repo, route);
    const about: RepoCall = { ...call, repo, state: seen(repo) };
    return route.run(about);
  }
  if (route.of !== 'anybody' && actor.kind === 'anonymous') throw refuse(401, 'Requires authentication');
  if ((route.of === 'app') !== (actor.kind === 'app') && route.of !== 'anybody') {
    throw route.of === 'app'
      ? refuse(401, 'A JSON web token could not be decoded')
      : refuse(403, 'Resource not accessible by integration');
  }
  if (route.of === 'installation' && actor.kind !== 'installation') {
    throw refuse(
      403,
      'You must authenticate with an installation access token in order to list repositories for an installation.',
    );
  }
  return route.run(call);
}

function repoIn(world: World, { params }: Call): Repository {
  const repo = world.repos.get(`${params['owner'] ?? ''}/${params['repo'] ?? ''}`.toLowerCase());
  if (repo === undefined) throw notFound();
  return repo;
}

/** @throws Refusal 404 for what the actor may not even know of, 401 or 403 for what it may not do. */
function mayUse(actor: Actor, repo: Repository, route: Extract<Route, { readonly of: 'repo' }>): void {
  const isWrite = route.method !== 'GET';
  if (actor.kind === 'app') throw refuse(401, 'A JSON web token could not be decoded');
  if (actor.kind === 'anonymous') {
    if (repo.isPrivate) throw notFound();
    if (isWrite || route.level !== 'pull') throw refuse(401, 'Requires authentication');
    return;
  }
  if (actor.kind === 'installation') {
    const isCovered = covers({ account: actor.installation.account, repos: actor.repos }, repo);
    if (!isCovered && repo.isPrivate) throw notFound();
    // What everybody may read, an App may, wherever it is installed.
    if (!isWrite && !repo.isPrivate && route.level === 'pull') return;
    if (!isCovered || !has(actor.permissions, route.app)) throw refuse(403, 'Resource not accessible by integration');
    return;
  }
  const permission = permissionOf(repo, actor.account.login);
  if (permission === 'none') throw notFound();
  if (isAtLeast(permission, route.level)) return;
  // Hooks are hidden from who may not see them; other things are refused.
  if (route.level === 'admin') throw notFound();
  throw refuse(403, 'Resource not accessible by personal access token');
}

function has(permissions: Readonly<Record<string, string>>, needs: AppNeeds): boolean {
  return needs.some(
    ([name, level]) => permissions[name] === 'write' || permissions[name] === level || name === 'metadata',
  );
}

import type { App, Hook, Installation } from './app-records.ts';
import type { Deliverer } from './deliveries.ts';
import type { Json } from './json.ts';
import { simpleUser } from './json-account.ts';
import { fullName, type Repository } from './records.ts';
import { hookJson } from './rest-hooks.ts';
import { installationJson } from './rest-apps.ts';
import { nodeId, repoOf, type World } from './world.ts';

/** A webhook to register. */
export interface NewHook {
  readonly url: string;
  readonly secret?: string | null;
  /** Default: all. */
  readonly events?: readonly string[];
  readonly contentType?: 'json' | 'form';
  /** Default: true; a new hook is told `ping`. */
  readonly pings?: boolean;
}

/** Registers a webhook of a repository (by its name) or of an App. */
export function createHook(world: World, deliverer: Deliverer, of: string | App, wanted: NewHook): Hook {
  const hook: Hook = {
    id: world.nextId(),
    of: typeof of === 'string' ? { kind: 'repo', repo: repoOf(world, of) } : { kind: 'app', app: of },
    url: wanted.url,
    secret: wanted.secret ?? null,
    events: wanted.events ?? (typeof of === 'string' ? ['*'] : of.events),
    contentType: wanted.contentType ?? 'json',
    isActive: true,
    createdAt: world.clock.now(),
    deliveries: [],
  };
  world.hooks.set(hook.id, hook);
  if (wanted.pings !== false) {
    const zen = 'Keep it logically awesome.';
    deliverer.ping(hook, { zen, hook_id: hook.id, hook: hookJson(world, hook) });
  }
  return hook;
}

/** What happens to an installation: its App is told. */
export function announceInstallation(
  world: World,
  installation: Installation,
  action: 'created' | 'deleted' | 'suspend' | 'unsuspend',
): void {
  const payload = (): Json => ({
    action,
    installation: installationJson(world, installation),
    repositories: reposOf(world, installation).map(shortRepo),
    requester: null,
  });
  const sender = installation.account;
  world.announce({ event: 'installation', action, repo: null, installation, sender, payload });
}

/** Repositories that come to an installation of selected ones, or leave it. */
export function setInstallationRepos(world: World, installation: Installation, names: readonly string[]): void {
  const before = reposOf(world, installation);
  const after = names.map((name) => repoOf(world, name));
  installation.repos = [...after];
  const added = after.filter((repo) => !before.includes(repo));
  const removed = before.filter((repo) => !after.includes(repo));
  for (const [action, moved] of [
    ['added', added],
    ['removed', removed],
  ] as const) {
    if (moved.length === 0) continue;
    const payload = (): Json => ({
      action,
      installation: installationJson(world, installation),
      repository_selection: 'selected',
      repositories_added: added.map(shortRepo),
      repositories_removed: removed.map(shortRepo),
      requester: null,
    });
    const event = 'installation_repositories';
    world.announce({ event, action, repo: null, installation, sender: installation.account, payload });
  }
}

/** Ends or pauses an installation; its tokens are no good from now on. */
export function setInstallation(
  world: World,
  installation: Installation,
  to: 'deleted' | 'suspended' | 'active',
): void {
  if (to === 'suspended') installation.suspendedAt = world.clock.now();
  if (to === 'active') installation.suspendedAt = null;
  announceInstallation(world, installation, to === 'deleted' ? 'deleted' : to === 'active' ? 'unsuspend' : 'suspend');
  if (to === 'deleted') world.installations.delete(installation.id);
}

function reposOf(world: World, installation: Installation): readonly Repository[] {
  return installation.repos ?? [...world.repos.values()].filter(({ owner }) => owner === installation.account);
}

function shortRepo(repo: Repository): Json {
  const { id, name, isPrivate } = repo;
  return { id, node_id: nodeId('Repository', id), name, full_name: fullName(repo), private: isPrivate };
}

/** A repository that was made or taken away: the event `repository`. */
export function announceRepo(world: World, repo: Repository, action: 'created' | 'deleted' | 'renamed'): void {
  const payload = (): Json => ({ action, sender: simpleUser(world, repo.owner.login) });
  world.announce({ event: 'repository', action, repo, installation: null, sender: repo.owner, payload });
}

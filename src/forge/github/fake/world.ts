import type { Clock } from '../../../base/clock.ts';
import type { Random } from '../../../base/random.ts';
import type { App, Delivery, Hook, Installation, Token } from './app-records.ts';
import type { GitStore } from './git-store.ts';
import type { Limits } from './limits.ts';
import {
  type Account,
  fullName,
  type Permission,
  permissions,
  type Repository,
  type RepoState,
  type Status,
} from './records.ts';

/** Something that happened, for the hooks that want it. `payload` is made only when somebody listens. */
export interface Announcement {
  readonly event: string;
  readonly action: string | null;
  readonly repo: Repository | null;
  readonly installation: Installation | null;
  readonly sender: Account;
  readonly payload: () => Promise<Readonly<Record<string, unknown>>> | Readonly<Record<string, unknown>>;
}

/** All that the fake GitHub knows. Keys of maps are in lower case, as GitHub compares names. */
export interface World {
  readonly clock: Clock;
  readonly random: Random;
  readonly git: GitStore;
  readonly limits: Limits;
  /** Filled in when the server listens. Neither ends in a slash. */
  readonly urls: { api: string; web: string };
  readonly accounts: Map<string, Account>;
  readonly repos: Map<string, Repository>;
  readonly tokens: Map<string, Token>;
  readonly apps: Map<number, App>;
  readonly installations: Map<number, Installation>;
  readonly hooks: Map<number, Hook>;
  nextId(): number;
  /** Tells the hooks; deliveries go out by themselves, later. */
  announce(announcement: Announcement): void;
  /** Sends a delivery of before again, with the same GUID. */
  redeliver(hook: Hook, delivery: Delivery): void;
}

/** Replicas can be this many changes behind; older states are forgotten. */
const mostHistory = 300;

/** Replaces the state of a repository and remembers the one before for stale answers. */
export function change(world: World, repo: Repository, to: Partial<RepoState>): void {
  repo.history.push({ at: world.clock.now(), state: repo.state });
  if (repo.history.length > mostHistory) repo.history.shift();
  repo.state = { ...repo.state, ...to };
}

/** The state as it was at `at` (epoch ms), or the oldest that is remembered. */
export function stateAt(repo: Repository, at: number): RepoState {
  // `history[i].state` held until `history[i].at`.
  const state = repo.history.find((past) => past.at > at)?.state ?? repo.state;
  const get = (sha: string): readonly Status[] | undefined =>
    repo.statuses.get(sha)?.filter(({ createdAt }) => createdAt <= at);
  return { ...state, statuses: { get } };
}

/** A copy of a map with one more entry. */
export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

/** A copy of a map with one entry less. */
export function withoutEntry<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

/** A time as GitHub writes it: seconds, UTC. */
export function iso(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** An id as GraphQL and `node_id` show it. */
export function nodeId(type: string, id: number | string): string {
  return Buffer.from(`${type}:${id}`).toString('base64');
}

/** @throws Error when there is no such account: a fault of the test. */
export function accountOf(world: World, login: string): Account {
  const account = world.accounts.get(login.toLowerCase());
  if (account === undefined) throw new Error(`the fake GitHub has no account ${login}`);
  return account;
}

/** @throws Error when there is no such repository: a fault of the test. */
export function repoOf(world: World, name: string): Repository {
  const repo = world.repos.get(name.toLowerCase());
  if (repo === undefined) throw new Error(`the fake GitHub has no repository ${name}`);
  return repo;
}

/** What somebody may do with a repository: the strongest of ownership, teams, being a collaborator, and it being public. */
export function permissionOf(repo: Repository, login: string): Permission {
  const name = login.toLowerCase();
  if (repo.owner.login.toLowerCase() === name) return 'admin';
  const found: Permission[] = [repo.isPrivate ? 'none' : 'pull'];
  const role = repo.owner.members.get(name);
  if (role === 'admin') return 'admin';
  if (role === 'member') found.push('pull');
  found.push(repo.collaborators.get(name) ?? 'none');
  for (const team of repo.owner.teams.values()) {
    if (team.members.get(name) === 'active') found.push(team.repos.get(fullName(repo).toLowerCase()) ?? 'none');
  }
  return found.reduce((best, next) => (isAtLeast(next, best) ? next : best));
}

/** True when the first permission includes the second. */
export function isAtLeast(has: Permission, needed: Permission): boolean {
  return permissions.indexOf(has) >= permissions.indexOf(needed);
}

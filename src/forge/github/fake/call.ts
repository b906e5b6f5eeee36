import type { App, AppPermissions, Installation } from './app-records.ts';
import type { Json } from './json.ts';
import { notFound } from './refusal.ts';
import type { Account, Permission, Repository, RepoState } from './records.ts';
import type { World } from './world.ts';

/** Who asks. `key` names who pays for it: the limits count by it. */
export type Actor =
  | { readonly kind: 'anonymous'; readonly key: string }
  | { readonly kind: 'user'; readonly key: string; readonly account: Account; readonly scopes: string | null }
  | {
      readonly kind: 'installation';
      readonly key: string;
      readonly account: Account;
      readonly installation: Installation;
      readonly repos: readonly Repository[] | null;
      readonly permissions: AppPermissions;
    }
  | { readonly kind: 'app'; readonly key: string; readonly app: App };

/** A request that passed the door. `state` is the repository as this replica knows it. */
export interface Call {
  readonly world: World;
  readonly actor: Actor;
  /** Decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Without query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** An empty object when there was none. */
  readonly body: Json;
}

/** A call about a repository that the actor may see. */
export interface RepoCall extends Call {
  readonly repo: Repository;
  readonly state: RepoState;
}

/** `body` goes out as JSON; a string or bytes as they are, with `content-type` in `headers`. No body: 204. */
export interface Answer {
  readonly status?: number;
  readonly body?: Json | readonly Json[] | string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Epoch ms; makes the header `Last-Modified`. */
  readonly modifiedAt?: number;
}

/** What an App needs, `[permission, level]`; any one of several is enough. */
export type AppNeeds = readonly (readonly [string, 'read' | 'write'])[];

/**
 * One operation, by the template of GitHub's description (`{path}`, `{ref}` and `{branch}` may hold slashes). `creates`:
 * it counts against the limits for creating content.
 */
export type Route =
  | {
      readonly method: string;
      readonly template: string;
      readonly of: 'repo';
      readonly level: Permission;
      readonly app: AppNeeds;
      readonly creates?: boolean;
      readonly run: (call: RepoCall) => Promise<Answer> | Answer;
    }
  | {
      readonly method: string;
      readonly template: string;
      /** Who may ask: anybody, whoever has a token, a person, an App with its JWT, an installation. */
      readonly of: 'anybody' | 'token' | 'user' | 'app' | 'installation';
      readonly run: (call: Call) => Promise<Answer> | Answer;
    };

/** A route of a repository. */
export function repoRoute(
  operation: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`,
  needs: { readonly level: Permission; readonly app: AppNeeds; readonly creates?: boolean },
  run: (call: RepoCall) => Promise<Answer> | Answer,
): Route {
  const [method = '', path = ''] = operation.split(' ');
  return { method, template: `/repos/{owner}/{repo}${path === '/' ? '' : path}`, of: 'repo', ...needs, run };
}

/** A route of something else than one repository. `of` says who may ask. */
export function route(
  operation: `${'GET' | 'POST'} /${string}`,
  of: Exclude<Route['of'], 'repo'>,
  run: (call: Call) => Promise<Answer> | Answer,
): Route {
  const [method = '', template = ''] = operation.split(' ');
  return { method, template, of, run };
}

/** A parameter of the path that the template promises. */
export function param(call: Call, name: string): string {
  return call.params[name] ?? '';
}

/** A number in the path; what is none is not found. */
export function numberParam(call: Call, name: string): number {
  const text = param(call, name);
  if (!/^[1-9]\d{0,15}$/.test(text)) throw notFound();
  return Number(text);
}

/** The login that writes of this actor show. */
export function loginOf(actor: Actor): string {
  if (actor.kind === 'user' || actor.kind === 'installation') return actor.account.login;
  throw notFound();
}

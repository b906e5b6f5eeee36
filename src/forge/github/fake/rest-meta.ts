import { type Call, repoRoute, route, type Route } from './call.ts';
import type { Json } from './json.ts';
import { fullRepoJson } from './json-repo.ts';
import type { Resource } from './limits.ts';
import { permissionOf } from './world.ts';

/** https://docs.github.com/en/rest/meta/meta, …/rate-limit/rate-limit and the repository itself. */
export const metaRoutes: readonly Route[] = [
  route('GET /meta', 'anybody', () => ({
    body: {
      verifiable_password_authentication: false,
      hooks: ['127.0.0.0/8'],
      web: ['127.0.0.0/8'],
      api: ['127.0.0.0/8'],
      git: ['127.0.0.0/8'],
    },
  })),
  route('GET /rate_limit', 'anybody', (call) => {
    const core = quotaJson(call, 'core');
    const graphql = quotaJson(call, 'graphql');
    return { body: { resources: { core, graphql, search: core }, rate: core } };
  }),
  repoRoute('GET /', { level: 'pull', app: [['metadata', 'read']] }, (call) => {
    const { actor, repo, world } = call;
    const permission = actor.kind === 'user' ? permissionOf(repo, actor.account.login) : 'pull';
    return { body: fullRepoJson(world, repo, permission), modifiedAt: repo.pushedAt };
  }),
];

function quotaJson(call: Call, resource: Resource): Json {
  const { limit, used, remaining, resetAt } = call.world.limits.quota(call.actor.key, resource);
  return { limit, used, remaining, reset: Math.ceil(resetAt / 1000) };
}

import { z } from 'zod';
import type { GitHubClient } from '../client/github-client.ts';
import type { RepoCall } from '../hub.ts';
import type { StatusNode } from './view-query.ts';

/** Contexts are a stranger's to invent. */
const mostContexts = 2000;

/** The newest status of each context of a commit, in the form in which GraphQL shows them. */
export async function restStatuses(
  client: GitHubClient,
  { at, call }: RepoCall,
  sha: string,
): Promise<readonly StatusNode[]> {
  const byContext = new Map<string, StatusNode>();
  const route = 'GET /repos/{owner}/{repo}/commits/{ref}/statuses';
  // Newest first: https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference
  for await (const page of client.pages(route, { ...at, ref: sha }, restStatusesSchema, call)) {
    for (const status of page) if (!byContext.has(status.context)) byContext.set(status.context, status);
    if (byContext.size >= mostContexts) break;
  }
  return [...byContext.values()];
}

const restStatusesSchema = z.array(
  z
    .object({
      context: z.string(),
      state: z.enum(['error', 'failure', 'pending', 'success']),
      description: z.string().nullable(),
      target_url: z.string().nullable(),
      created_at: z.iso.datetime({ offset: true }),
      creator: z.object({ login: z.string(), type: z.string() }).nullable(),
    })
    .transform(({ context, state, description, target_url, created_at, creator }): StatusNode => ({
      context,
      state: state.toUpperCase() as Uppercase<typeof state>,
      description,
      targetUrl: target_url,
      createdAt: Date.parse(created_at),
      creator: creator === null ? null : { __typename: creator.type, login: creator.login },
    })),
);

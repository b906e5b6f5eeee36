import { z } from 'zod';
import { isGroundcrewError } from '../../../base/errors.ts';
import { isObjectId } from '../../../base/git-names.ts';
import { plain } from '../../../base/git.ts';
import { hashOf } from '../../../base/ids.ts';
import type { CommentToPost, StatusToPost } from '../../forge.ts';
import { markerLine, withMarker } from './comment-marker.ts';
import { commentsAnswerSchema, commentsQuery } from '../read/comments-query.ts';
import { callAt, type GitHubHub } from '../hub.ts';
import { answerReactions, postedApproval, postedContext } from './status-words.ts';

/** Everything that we write below commits and pull requests. With `statuses: none` nothing is written at all. */
export interface Tell {
  status(status: StatusToPost, signal: AbortSignal): Promise<void>;
  approval(repo: string, sha: string, by: string, signal: AbortSignal): Promise<void>;
  requestDone(repo: string, requestId: string, answer: 'done' | 'refused', signal: AbortSignal): Promise<void>;
  comment(comment: CommentToPost, signal: AbortSignal): Promise<void>;
}

// GitHub refuses more with 422. https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
const longestDescription = 140;

const statusRoute = 'POST /repos/{owner}/{repo}/statuses/{sha}';

export function createTell(hub: GitHubHub): Tell {
  const { client, cache } = hub;
  const isSilent = hub.statuses.kind === 'none';

  const postStatus = async (
    where: { readonly repo: string; readonly sha: string; readonly context: string },
    said: { readonly state: string; readonly description: string; readonly targetUrl: string | null },
    { signal, isIdempotent }: { readonly signal: AbortSignal; readonly isIdempotent: boolean },
  ): Promise<void> => {
    // It becomes a part of the address.
    if (isSilent || !isObjectId(where.sha)) return;
    const { at, call } = await callAt(hub, where.repo, signal);
    const parameters = {
      ...at,
      sha: where.sha,
      context: where.context,
      state: said.state,
      description: cut(plain(said.description)),
      ...(said.targetUrl === null ? {} : { target_url: said.targetUrl }),
    };
    await client.write(statusRoute, parameters, z.unknown(), { ...call, isIdempotent });
  };

  return {
    async status({ repo, sha, context, ...said }, signal) {
      // Sent again only by the outbox, which has to know when one may yet arrive behind a later one.
      const how = { signal, isIdempotent: false };
      await postStatus({ repo, sha, context: postedContext(context, hub.statuses) }, said, how);
    },
    async approval(repo, sha, by, signal) {
      const said = { state: 'success', description: `Approved by ${by}`, targetUrl: null };
      await postStatus({ repo, sha, context: postedApproval(hub.statuses) }, said, { signal, isIdempotent: true });
    },
    async requestDone(repo, requestId, answer, signal) {
      // Other requests came by page or command line, and a direct trigger is replaced by our status.
      const comment = /^comment\/(\d{1,20})$/.exec(requestId)?.[1];
      if (isSilent || comment === undefined) return;
      const { at, call } = await callAt(hub, repo, signal);
      const content = answerReactions(hub.statuses)[answer];
      try {
        // A second equal reaction of ours changes nothing: 200 instead of 201.
        await client.write(
          'POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions',
          { ...at, comment_id: comment, content },
          z.unknown(),
          { ...call, isIdempotent: true },
        );
      } catch (error) {
        // The comment was deleted, and what it asked for with it.
        if (!isGroundcrewError(error, 'forge/not-found')) throw error;
      }
    },
    async comment({ repo, pull, text, marker }, signal) {
      if (isSilent) return;
      const key = hashOf([repo.toLowerCase(), `${pull}`, marker], 40);
      if (cache.note('said', key) !== null) return;
      const { at, call } = await callAt(hub, repo, signal);
      const variables = { owner: at.owner, name: at.repo, number: pull };
      // We may have said it in an earlier life, and died before anybody wrote that down.
      const { repository } = await client.graphql({ query: commentsQuery, variables }, commentsAnswerSchema, call);
      const name = postedContext(marker, hub.statuses);
      const line = markerLine(name);
      const isSaid = repository?.pullRequest?.comments.nodes.some(
        ({ body, viewerDidAuthor }) => viewerDidAuthor && body.includes(line),
      );
      if (isSaid !== true) {
        const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
        await client.write(route, { ...at, issue_number: pull, body: withMarker(text, name) }, z.unknown(), call);
      }
      await cache.keepNote('said', key, '');
    },
  };
}

/** By whole characters: half an emoji is refused, too. */
function cut(text: string): string {
  const letters = Array.from(text);
  return letters.length <= longestDescription ? text : `${letters.slice(0, longestDescription - 1).join('')}…`;
}

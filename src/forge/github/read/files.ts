import { z } from 'zod';
import { GroundcrewError } from '../../../base/errors.ts';
import { isObjectId } from '../../../base/git-names.ts';
import { hashOf } from '../../../base/ids.ts';
import type { Change } from '../../../core/change.ts';
import { callAt, type GitHubHub, type RepoCall } from '../hub.ts';

/** Most bytes of a file that are read. */
const mostFileBytes = 64 * 1024;
/** Instead of an ETag: what we keep of a file of a commit is good for ever. */
const isThere = 'there';
const isMissing = 'missing';
/** A link to a link to …; git itself gives up at 10. */
const mostLinks = 5;
/** GitHub lists no more: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files */
const mostChanged = 3000;

// https://docs.github.com/en/rest/repos/contents#get-repository-content with the media type `object`. GitHub follows a link to a
// file inside the repository by itself, and shows any other link as what it is.
const contentSchema = z.union([
  // A directory: older servers do not know the media type and show its entries.
  z
    .array(z.unknown())
    .transform(() => ({ type: 'dir', encoding: undefined, content: undefined, size: 0, target: undefined })),
  z.object({
    type: z.string(),
    encoding: z.string().optional(),
    content: z.string().optional(),
    size: z.number().optional(),
    target: z.string().optional(),
  }),
]);

const changedSchema = z.array(
  z.object({ filename: z.string(), previous_filename: z.string().optional(), contents_url: z.string().optional() }),
);

/** Files of commits, and files that changes touch. */
export interface Files {
  at(repo: string, sha: string, path: string, signal: AbortSignal): Promise<string | null>;
  changed(repo: string, change: Change, signal: AbortSignal): Promise<readonly string[] | null>;
}

export function createFiles(hub: GitHubHub): Files {
  const { client, cache } = hub;

  const read = async (target: RepoCall, sha: string, path: string, links: number): Promise<string | null> => {
    if (!isPlainPath(path) || links > mostLinks) return null;
    const { at, call } = target;
    const parameters = { ...at, path, ref: sha };
    const route = 'GET /repos/{owner}/{repo}/contents/{path}';
    const object = { ...call, accept: 'application/vnd.github.object+json' };
    const found = await client.getOrNull(route, parameters, contentSchema, object);
    if (found === null) return null;
    if (found.type === 'symlink') {
      const next = found.target === undefined ? null : resolveLink(path, found.target);
      return next === null ? null : read(target, sha, next, links + 1);
    }
    if (found.type !== 'file') return null;
    if (found.encoding === 'base64' && found.content !== undefined) {
      return Buffer.from(found.content, 'base64').subarray(0, mostFileBytes).toString('utf8');
    }
    if (found.size === 0) return '';
    // From 1 MB on the content is left out.
    const raw = { ...call, accept: 'application/vnd.github.raw+json', mostBytes: mostFileBytes, mayCut: true };
    const reply = await client.raw(route, parameters, raw);
    return reply.status === 200 ? reply.body.toString('utf8') : null;
  };

  /**
   * A commit that was just pushed may not be everywhere yet, and its files are "not found" in the same words as those that it
   * has not. @throws GroundcrewError `forge/unreachable`
   */
  const assertCommit = async ({ at, call }: RepoCall, sha: string): Promise<void> => {
    // A list of one: the commit itself would come with its whole difference.
    const parameters = { ...at, sha, per_page: 1 };
    const found = await client.getOrNull('GET /repos/{owner}/{repo}/commits', parameters, z.array(z.unknown()), call);
    if (found !== null) return;
    const message = `${at.owner}/${at.repo} shows no commit ${sha.slice(0, 12)} (yet)`;
    throw new GroundcrewError('forge/unreachable', message, { retry: 'later' });
  };

  return {
    async at(repo, sha, path, signal) {
      if (!isObjectId(sha) || !isPlainPath(path)) return null;
      const target = await callAt(hub, repo, signal);
      // A commit never changes, so what it holds is asked for once. The account, since another may see less.
      const key = hashOf(['file', target.call.account.id, repo.toLowerCase(), sha, path], 40);
      const kept = cache.answer(key);
      if (kept !== null) return kept.etag === isThere ? kept.body.toString('utf8') : null;
      const text = await read(target, sha, path, 0);
      if (text === null) await assertCommit(target, sha);
      const body = Buffer.from(text ?? '');
      await cache.keepAnswer(key, { etag: text === null ? isMissing : isThere, headers: {}, body });
      return text;
    },
    async changed(repo, change, signal) {
      if (change.pull === null) return null;
      const { at, call } = await callAt(hub, repo, signal);
      const files = new Set<string>();
      let count = 0;
      const parameters = { ...at, pull_number: change.pull };
      const pages = client.pages(
        'GET /repos/{owner}/{repo}/pulls/{pull_number}/files',
        parameters,
        changedSchema,
        call,
      );
      for await (const page of pages) {
        for (const { filename, previous_filename, contents_url } of page) {
          // The list is of the head as it is now, which may have moved on.
          if (!isOfCommit(contents_url, change.headSha)) return null;
          files.add(filename);
          if (previous_filename !== undefined) files.add(previous_filename);
        }
        count += page.length;
      }
      return count >= mostChanged ? null : [...files];
    },
  };
}

/** Whether an address of a file's content is for that commit; one that names none says nothing. */
function isOfCommit(url: string | undefined, sha: string): boolean {
  if (url === undefined || !URL.canParse(url)) return true;
  const ref = new URL(url).searchParams.get('ref');
  return ref === null || ref === sha;
}

function isPlainPath(path: string): boolean {
  if (path === '' || path.length > 4096 || /[\n\0]/.test(path)) return false;
  return path.split('/').every((part) => !['', '.', '..'].includes(part));
}

/** Where a link leads, from the root of the repository; null: outside of it. */
export function resolveLink(path: string, target: string): string | null {
  if (target.startsWith('/') || target === '') return null;
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.length === 0 ? null : parts.join('/');
}

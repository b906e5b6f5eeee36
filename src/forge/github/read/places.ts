import { z } from 'zod';
import { isBranchName, isObjectId } from '../../../base/git-names.ts';
import { changeKey } from '../../../core/subject.ts';
import { createBranchFilter } from '../../../decide/branch-pattern.ts';
import type { PlaceSeen } from '../../forge.ts';
import { callAt, type GitHubHub, type GitHubRepo, type RepoCall, unreadable } from '../hub.ts';
import { type Trust, trustAges } from './trust.ts';
import { trustNotes } from './trust-note.ts';

const shaSchema = z.string().refine(isObjectId);
const pullsSchema = z.array(
  z.object({
    number: z.int().positive(),
    updated_at: z.iso.datetime({ offset: true }),
    head: z.object({ sha: shaSchema }),
  }),
);
const branchesSchema = z.array(z.object({ name: z.string(), commit: z.object({ sha: shaSchema }) }));
const refSchema = z.object({ ref: z.string(), object: z.object({ sha: shaSchema, type: z.string() }) });
const pullSchema = z.object({ head: z.object({ sha: shaSchema }) });

/** A few branches that are named one by one are asked for one by one: a repository may have thousands. */
const mostByName = 10;

/** What moves in a repository. */
export interface Places {
  /** Open pull requests and watched branches, by pages that cost nothing while GitHub says 304. */
  list(repo: GitHubRepo, signal: AbortSignal): Promise<readonly PlaceSeen[]>;
  /** The commit of a branch of any repository that we may read; null: no such branch. */
  headOf(repo: string, branch: string, signal: AbortSignal): Promise<string | null>;
  pullHeadOf(repo: string, pull: number, signal: AbortSignal): Promise<string | null>;
}

export function createPlaces(
  hub: GitHubHub,
  trust: Trust,
  onVersion: (changeKey: string, version: number) => void,
): Places {
  const { client, cache, forge } = hub;

  const listPulls = async (repo: GitHubRepo, { at, call }: RepoCall): Promise<PlaceSeen[]> => {
    const places: PlaceSeen[] = [];
    // Oldest first: an update changes one page only, and all the others stay 304.
    const parameters = { ...at, state: 'open', sort: 'created', direction: 'asc' };
    for await (const page of client.pages('GET /repos/{owner}/{repo}/pulls', parameters, pullsSchema, call)) {
      for (const { number, updated_at, head } of page) {
        const key = changeKey({ forge, repo: repo.name, pull: number, branch: null, baseRef: '' });
        const version = Date.parse(updated_at);
        onVersion(key, version);
        places.push({ changeKey: key, headSha: head.sha, version });
      }
    }
    return places;
  };

  const listBranches = async (repo: GitHubRepo, target: RepoCall): Promise<PlaceSeen[]> => {
    const seen = (branch: string, headSha: string): PlaceSeen => ({
      changeKey: changeKey({ forge, repo: repo.name, pull: null, branch, baseRef: branch }),
      headSha,
    });
    const isByName = repo.branches.length > 0 && repo.branches.every((pattern) => !/[*?!]/.test(pattern));
    if (isByName && repo.branches.length <= mostByName) {
      const heads = await Promise.all(
        [...new Set(repo.branches)].map(async (branch) => ({ branch, sha: await branchHead(target, branch) })),
      );
      return heads.flatMap(({ branch, sha }) => (sha === null ? [] : [seen(branch, sha)]));
    }
    const isWatched = createBranchFilter(repo.branches);
    const places: PlaceSeen[] = [];
    const pages = client.pages('GET /repos/{owner}/{repo}/branches', target.at, branchesSchema, target.call);
    for await (const page of pages) {
      for (const { name, commit } of page) {
        if (isBranchName(name) && isWatched(name)) places.push(seen(name, commit.sha));
      }
    }
    return places;
  };

  const branchHead = async ({ at, call }: RepoCall, branch: string): Promise<string | null> => {
    if (!isBranchName(branch)) return null;
    const parameters = { ...at, ref: `heads/${branch}` };
    const found = await client.getOrNull('GET /repos/{owner}/{repo}/git/ref/{ref}', parameters, refSchema, call);
    if (found?.ref !== `refs/heads/${branch}` || found.object.type !== 'commit') return null;
    return found.object.sha;
  };

  /** Marks the places about whose people GitHub says something else by now, though it shows them unchanged. */
  const reconsider = async (
    repo: GitHubRepo,
    places: readonly PlaceSeen[],
    signal: AbortSignal,
  ): Promise<readonly PlaceSeen[]> => {
    const notes = trustNotes(cache, `${forge}|${repo.name}|`);
    if (notes.length === 0) return places;
    const people = notes.flatMap((note) => note.people);
    const judged = await trust.of(repo, people, { yesMs: trustAges.yesMs, signal });
    const news = new Set(notes.filter(({ isNews }) => isNews(judged)).map(({ changeKey: key }) => key));
    return places.map((place) => (news.has(place.changeKey) ? { ...place, isDoubtful: true } : place));
  };

  return {
    async list(repo, signal) {
      try {
        const target = await callAt(hub, repo.name, signal);
        const [pulls, branches] = await Promise.all([listPulls(repo, target), listBranches(repo, target)]);
        // One by one they all may be missing: then it is the repository that is.
        if (pulls.length + branches.length === 0)
          await client.get('GET /repos/{owner}/{repo}', target.at, z.unknown(), target.call);
        return await reconsider(repo, [...pulls, ...branches], signal);
      } catch (error) {
        throw unreadable(error, repo.name);
      }
    },
    async headOf(repo, branch, signal) {
      if (!isBranchName(branch)) return null;
      const target = await callAt(hub, repo, signal);
      try {
        const head = await branchHead(target, branch);
        // "Not there" is said of a repository in the same words.
        if (head === null) await client.get('GET /repos/{owner}/{repo}', target.at, z.unknown(), target.call);
        return head;
      } catch (error) {
        throw unreadable(error, repo);
      }
    },
    async pullHeadOf(repo, pull, signal) {
      const { at, call } = await callAt(hub, repo, signal);
      const parameters = { ...at, pull_number: pull };
      const found = await client.getOrNull(
        'GET /repos/{owner}/{repo}/pulls/{pull_number}',
        parameters,
        pullSchema,
        call,
      );
      return found?.head.sha ?? null;
    },
  };
}

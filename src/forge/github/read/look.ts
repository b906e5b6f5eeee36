import type { z } from 'zod';
import { sleep } from '../../../base/clock.ts';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../../base/errors.ts';
import { isBranchName } from '../../../base/git-names.ts';
import { plain } from '../../../base/git.ts';
import type { PlaceView } from '../../forge.ts';
import type { LookCounter } from '../../git/look-counter.ts';
import { concurrently } from '../client/concurrently.ts';
import { callAt, type GitHubHub, type GitHubRepo, type RepoCall, unreadable } from '../hub.ts';
import { restStatuses } from './rest-statuses.ts';
import { type Trust, trustAges, type Trusted } from './trust.ts';
import { noteTrust } from './trust-note.ts';
import { decidersOf, peopleOf, viewOfBranch, viewOfPull, type ViewPlace } from './view-of.ts';
import {
  branchNodeSchema,
  type PlaceAsked,
  type PullNode,
  pullNodeSchema,
  viewAnswerSchema,
  viewQuery,
} from './view-query.ts';

/** How many places one query asks for: GitHub gives up on a query after 10 s, and a place may have a hundred long comments. */
export const placesPerQuery = 12;
const concurrentQueries = 3;
/** So many are never too much: of 65,536 characters of up to 4 bytes, which JSON may spell longer. */
const fewComments = 10;

/** A view with its key; null: the place is not there. */
export interface PlaceLook {
  readonly changeKey: string;
  readonly view: PlaceView | null;
}

/** Looks at places of a repository. */
export interface Looker {
  /** As they are now. What trust rests on may be `yesMs` old. */
  one(repo: GitHubRepo, changeKey: string, signal: AbortSignal): Promise<PlaceView | null>;
  many(repo: GitHubRepo, changeKeys: readonly string[], signal: AbortSignal): AsyncIterable<PlaceLook>;
  /** The highest version of a pull request that we saw, in a list or a view: an answer below it is stale. */
  readonly sawVersion: (changeKey: string, version: number) => void;
  /** Our own login at GitHub, once some view has shown it. */
  readonly me: string | null;
}

/** A lagging replica usually catches up within a second. */
const staleRetries = 2;
const stalePauseMs = 500;
const mostRemembered = 50_000;

export function createLooker(hub: GitHubHub, trust: Trust, looks: LookCounter): Looker {
  const { client, cache, clock, logger } = hub;
  const seen = new Map<string, number>();
  let me: string | null = null;

  const sawVersion = (changeKey: string, version: number): void => {
    if (version <= (seen.get(changeKey) ?? 0)) return;
    if (seen.size >= mostRemembered) seen.clear();
    seen.set(changeKey, version);
  };

  /** One query. `yesMs`: how old what we know of people may be. */
  const askWith = async (
    repo: GitHubRepo,
    keys: readonly string[],
    { yesMs, signal, comments }: { readonly yesMs: number; readonly signal: AbortSignal; readonly comments?: number },
  ): Promise<readonly PlaceLook[]> => {
    const places = keys.map((changeKey) => ({ changeKey, asked: placeAsked(hub.forge, repo.name, changeKey) }));
    const there = places.flatMap(({ changeKey, asked }) => (asked === null ? [] : [{ changeKey, asked }]));
    const gone = places.filter(({ asked }) => asked === null).map(({ changeKey }) => ({ changeKey, view: null }));
    if (there.length === 0) return gone;
    // Numbered before looking: of two overlapping looks the later begun must not lose.
    const version = looks.next();
    const target = await callAt(hub, repo.name, signal);
    // A person waits for the look at one place.
    const isWarm = there.length === 1 ? trust.warm(repo, { yesMs, signal }) : null;
    const { query, variables } = viewQuery(
      there.map(({ asked }) => asked),
      comments,
    );
    const call = { ...target.call, mostBytes: 24 * 1024 * 1024 };
    const answer = await client.graphql(
      { query, variables: { ...variables, owner: target.at.owner, name: target.at.repo } },
      viewAnswerSchema,
      call,
    );
    await isWarm;
    const nodes = answer.repository;
    if (nodes === null) throw unreadable(new GroundcrewError('forge/not-found', 'no such repository'), repo.name);
    me = answer.viewer.login;
    const base = { forge: hub.forge, repo: repo.name, me, mode: hub.statuses, now: clock.now() };
    const looked = there.map(async ({ changeKey, asked }, i): Promise<PlaceLook> => {
      const node = nodes[`p${i}`] ?? null;
      if (node === null) return { changeKey, view: null };
      if ('branch' in asked) {
        const place: ViewPlace = { ...base, key: changeKey, trusts: () => 'unknown' };
        return {
          changeKey,
          view: await branchView(repo, {
            node: read(branchNodeSchema, node),
            branch: asked.branch,
            version,
            place,
            yesMs,
            signal,
          }),
        };
      }
      const place: ViewPlace = { ...base, key: changeKey, trusts: () => 'unknown' };
      const view = await pullView(repo, { node: read(pullNodeSchema, node), pull: asked.pull, place, target, yesMs });
      return { changeKey, view };
    });
    return [...gone, ...(await Promise.all(looked))];
  };

  const ask: typeof askWith = async (repo, keys, options) => {
    try {
      return await askWith(repo, keys, options);
    } catch (error) {
      if (keys.length > 1 || !isGroundcrewError(error, 'forge/bad-answer')) throw error;
      // Anybody can write a hundred comments of a quarter of a megabyte each, and must not keep a change from its tests.
      logger.warn('a place is looked at with few of its comments', {
        change: plain(keys[0] ?? ''),
        why: errorLine(error),
      });
      return askWith(repo, keys, { ...options, comments: fewComments });
    }
  };

  const trusting = async (
    repo: GitHubRepo,
    logins: readonly string[],
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<(login: string) => Trusted> => {
    const judged = await trust.of(repo, logins, options);
    return (login) => judged.get(login.toLowerCase()) ?? 'no';
  };

  const branchView = async (
    repo: GitHubRepo,
    {
      node,
      branch,
      version,
      place,
      yesMs,
      signal,
    }: {
      readonly node: z.output<typeof branchNodeSchema>;
      readonly branch: string;
      readonly version: number;
      readonly place: ViewPlace;
      readonly yesMs: number;
      readonly signal: AbortSignal;
    },
  ): Promise<PlaceView | null> => {
    const view = viewOfBranch(node, { branch, version, place });
    const asking = view?.requests.map(({ by }) => by) ?? [];
    if (asking.length === 0) return view;
    const trusts = await trusting(repo, asking, { yesMs, signal });
    return viewOfBranch(node, { branch, version, place: { ...place, trusts } });
  };

  const pullView = async (
    repo: GitHubRepo,
    {
      node,
      pull,
      place,
      target,
      yesMs,
    }: {
      readonly node: PullNode;
      readonly pull: number;
      readonly place: ViewPlace;
      readonly target: RepoCall;
      readonly yesMs: number;
    },
  ): Promise<PlaceView> => {
    const { signal } = target.call;
    const last = node.commits.nodes.at(-1)?.commit;
    // The list of commits may lag, or be in another order than the branch.
    const statuses = last?.oid === node.headRefOid ? last.status : await restStatuses(client, target, node.headRefOid);
    const trusts = await trusting(repo, peopleOf(node, statuses), { yesMs, signal });
    const view = viewOfPull(node, { pull, statuses, place: { ...place, trusts } });
    const deciders = decidersOf(node, repo.name);
    await noteTrust(cache, place.key, { view, deciders, others: peopleOf(node, statuses), trusts });
    return view;
  };

  /** Halves what GitHub could not answer at once; one place that always fails stops no other. */
  const askInParts = async (
    repo: GitHubRepo,
    keys: readonly string[],
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<readonly PlaceLook[]> => {
    try {
      return await ask(repo, keys, options);
    } catch (error) {
      const maySplit = isGroundcrewError(error, 'forge/unreachable') || isGroundcrewError(error, 'forge/bad-answer');
      if (!maySplit || keys.length === 1 || options.signal.aborted) throw error;
      const middle = Math.ceil(keys.length / 2);
      const parts = await Promise.allSettled(
        [keys.slice(0, middle), keys.slice(middle)].map((part) => askInParts(repo, part, options)),
      );
      if (parts.every(({ status }) => status === 'rejected')) throw error;
      const bad = parts.find((part) => part.status === 'rejected');
      if (bad !== undefined) {
        logger.warn('some places could not be looked at', { repo: repo.name, why: errorLine(bad.reason) });
      }
      return parts.flatMap((part) => (part.status === 'fulfilled' ? part.value : []));
    }
  };

  const isStale = ({ changeKey, view }: PlaceLook): boolean =>
    view !== null && view.change.pull !== null && view.change.version < (seen.get(changeKey) ?? 0);

  const remember = ({ changeKey, view }: PlaceLook): void => {
    if (view !== null && view.change.pull !== null) sawVersion(changeKey, view.change.version);
  };

  const one = async (
    repo: GitHubRepo,
    changeKey: string,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<PlaceView | null> => {
    for (let again = 0; ; again += 1) {
      const [look] = await ask(repo, [changeKey], options);
      if (look === undefined) return null;
      // Older than what we saw: of a replica that lags. If it stays so, the ledger refuses it.
      if (!isStale(look) || again >= staleRetries) {
        remember(look);
        return look.view;
      }
      logger.info('GitHub showed an older state than before; asking again', { change: plain(changeKey) });
      await sleep(clock, stalePauseMs, options.signal);
    }
  };

  return {
    get me() {
      return me;
    },
    sawVersion,
    one: (repo, changeKey, signal) => one(repo, changeKey, { yesMs: trustAges.freshYesMs, signal }),
    async *many(repo, changeKeys, signal) {
      const chunks: (readonly string[])[] = [];
      for (let i = 0; i < changeKeys.length; i += placesPerQuery) chunks.push(changeKeys.slice(i, i + placesPerQuery));
      const options = { yesMs: trustAges.yesMs, signal };
      for await (const looks of concurrently(chunks, concurrentQueries, (keys) => askInParts(repo, keys, options))) {
        for (const look of looks) {
          if (isStale(look)) yield { changeKey: look.changeKey, view: await one(repo, look.changeKey, options) };
          else {
            remember(look);
            yield look;
          }
        }
      }
    },
  };
}

/** What a key of this repository names; null when it names nothing that could be there. */
export function placeAsked(forge: string, repo: string, changeKey: string): PlaceAsked | null {
  const prefix = `${forge}|${repo}|`;
  if (!changeKey.startsWith(prefix)) return null;
  const rest = changeKey.slice(prefix.length);
  if (rest.startsWith('branch/')) {
    const branch = rest.slice('branch/'.length);
    return isBranchName(branch) ? { branch } : null;
  }
  const pull = /^pull\/([1-9]\d{0,8})$/.exec(rest)?.[1];
  return pull === undefined ? null : { pull: Number(pull) };
}

function read<S extends z.ZodType>(schema: S, node: unknown): z.output<S> {
  const result = schema.safeParse(node);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const message = `POST /graphql: the answer is not as documented at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new GroundcrewError('forge/bad-answer', message.slice(0, 500), { retry: 'later' });
}

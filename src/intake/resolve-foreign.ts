import { isGroundcrewError } from '../base/errors.ts';
import { parseContext } from '../core/check-context.ts';
import type { Subject } from '../core/subject.ts';
import type { Forge } from '../forge/forge.ts';

/** Branches that a repository without a named branch is tried at, as Cockpit's contexts mean it. */
const defaultBranches = ['main', 'master'];

/**
 * The commits where tests of other repositories live now, by context. One that cannot be found has none; a forge that is
 * away throws, so that the change is looked at again.
 */
export async function resolveForeign(
  contexts: readonly string[],
  place: { readonly forges: ReadonlyMap<string, Forge>; readonly forge: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Subject>> {
  // Many contexts share a branch: each is asked for once.
  const heads = new Map<string, Promise<{ readonly sha: string; readonly branch: string } | null>>();
  const found = await Promise.all(
    contexts.map(async (context): Promise<readonly [string, Subject][]> => {
      const foreign = parseContext(context)?.foreign ?? null;
      const forge = foreign === null ? undefined : place.forges.get(foreign.forge ?? place.forge);
      if (foreign === null || forge === undefined) return [];
      const { repo, ref } = foreign;
      const key = JSON.stringify([forge.name, repo, ref]);
      const asked = heads.get(key) ?? headOf(forge, repo, ref === null ? defaultBranches : [ref], signal);
      heads.set(key, asked);
      const head = await asked;
      if (head === null) return [];
      const { sha, branch } = head;
      return [[context, { forge: forge.name, repo, sha, pull: null, baseRef: branch, branch }]];
    }),
  );
  return new Map(found.flat());
}

/** Heads of pull requests of the bots repository; what cannot be found is left out. */
export async function resolveBots(
  pulls: readonly number[],
  bots: { readonly forge: Forge | undefined; readonly repo: string | undefined },
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const { forge, repo } = bots;
  if (forge === undefined || repo === undefined) return new Map();
  const found = await Promise.all(
    pulls.map(async (pull) => {
      const sha = await orNull(forge.pullHeadOf?.(repo, pull, signal) ?? Promise.resolve(null));
      return sha === null ? [] : [[pull, sha] as const];
    }),
  );
  return new Map(found.flat());
}

async function headOf(
  forge: Forge,
  repo: string,
  branches: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly sha: string; readonly branch: string } | null> {
  for (const branch of branches) {
    const sha = await orNull(forge.headOf(repo, branch, signal));
    if (sha !== null) return { sha, branch };
  }
  return null;
}

/** A repository that we may not read, or that is none, is as good as not there. */
async function orNull(answer: Promise<string | null>): Promise<string | null> {
  try {
    return await answer;
  } catch (error) {
    if (isGroundcrewError(error) && error.retry === 'never') return null;
    throw error;
  }
}

import type { PersonRequest } from './request.ts';

interface AtPlace {
  readonly forge: string;
  readonly repo: string;
  /** `changeKey` of the pull request or branch. */
  readonly changeKey: string;
}

/**
 * A fact from outside, kept in the ledger under its unique delivery id before anybody is answered.
 * `change`: something moved at that place, look at it; `sha` is the head that the event speaks of, so that a view of the
 * forge that is still behind it is fetched again. `request`: a person asks for something. `schedule`: a slot of a
 * schedule came; each runs once, also on an unchanged commit; `isOnlyResumed`: it came before our ledger's time, and only what
 * the forge shows as begun and not judged is run. `commit`: something about a commit moved (a status), and
 * intake finds the places that have it as their head; its `changeKey` is `forge|repo|commit/<sha>`. `repository`:
 * look at every place of it (`forge|repo|repository`).
 */
export type ForgeEvent =
  | (AtPlace & { readonly kind: 'change'; readonly sha: string | null })
  | (AtPlace & { readonly kind: 'request'; readonly request: PersonRequest })
  | (AtPlace & { readonly kind: 'schedule'; readonly slot: ScheduleSlot; readonly isOnlyResumed?: true })
  | (AtPlace & { readonly kind: 'commit'; readonly sha: string })
  | (AtPlace & { readonly kind: 'repository' });

/** Something about this commit moved, or may have: every place that has it as its head is looked at. */
export function commitMoved(at: {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
}): ForgeEvent & { readonly kind: 'commit' } {
  const { forge, repo, sha } = at;
  return { kind: 'commit', forge, repo, changeKey: `${forge}|${repo}|commit/${sha}`, sha };
}

/**
 * One turn of a schedule. `name` is the schedule's in the policy, `at` the slot (epoch ms), whenever it was noticed;
 * `contexts` are names or patterns.
 */
export interface ScheduleSlot {
  readonly name: string;
  readonly at: number;
  readonly contexts: readonly string[];
}

/** The occasion of the jobs of a slot (R12): `schedule:nightly@2026-11-22T02:00:00.000Z`. */
export function scheduleOccasion({ name, at }: ScheduleSlot): string {
  return `schedule:${name}@${new Date(at).toISOString()}`;
}

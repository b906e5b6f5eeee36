import { UsageError } from '../base/errors.ts';
import { changeKey } from '../core/subject.ts';
import type { HeldChange, LedgerReader, RunDetail, RunSummary } from '../ledger/ledger-reader.ts';

/** How far back commits and pull requests are looked for; run ids are found however old they are. */
const searchedRuns = 2000;
const pageSize = 200;

/** The runs, or the change that waits for a person, that a word of the command line means. */
export type Named =
  | { readonly kind: 'runs'; readonly runs: readonly RunSummary[] }
  | { readonly kind: 'held'; readonly change: HeldChange };

/**
 * One run by the first 6 or more digits of its id, or by the address of its page.
 * @throws UsageError `cli/no-run`
 */
export async function findRun(reader: LedgerReader | null, word: string): Promise<RunDetail> {
  const id = runIdIn(word);
  const found = id === null ? null : await reader?.run(id);
  if (found) return found;
  throw new UsageError(
    'cli/no-run',
    `${word}: no run is called that; groundcrew runs lists them (retention.runs says how long they are kept)`,
  );
}

/**
 * What RUN, a commit (7 or more digits), `#PULL`, `REPO#PULL` or `REPO@BRANCH` means: the newest run of each context there, or
 * a change that is held.
 * @throws UsageError `cli/no-run` when nothing is called that.
 */
export async function findNamed(reader: LedgerReader | null, word: string): Promise<Named> {
  const nothing = new UsageError(
    'cli/no-run',
    `${word}: no run, commit or pull request is called that; groundcrew runs and groundcrew queue list them`,
  );
  if (reader === null) throw nothing;
  const id = runIdIn(word);
  const run = id === null ? null : await reader.run(id);
  if (run !== null) return { kind: 'runs', runs: [run.summary] };
  const matches = placeMatcher(word);
  if (matches === null) throw nothing;
  const held = (await reader.held()).find(({ change }) => matches({ ...change, sha: change.headSha }));
  const runs = await searchRuns(reader, matches);
  if (runs.length > 0) return { kind: 'runs', runs };
  if (held !== undefined) return { kind: 'held', change: held };
  throw nothing;
}

/** The change that waits for an approval. @throws UsageError `cli/no-run` */
export async function findHeld(reader: LedgerReader | null, word: string): Promise<HeldChange> {
  const matches = placeMatcher(word);
  const held = (await reader?.held()) ?? [];
  const found = held.filter(
    ({ kind, change }) => kind === 'needs-approval' && matches?.({ ...change, sha: change.headSha }) === true,
  );
  const [first, second] = found;
  if (first === undefined) {
    throw new UsageError(
      'cli/no-run',
      `${word}: nothing by that name waits for approval; groundcrew queue lists what does`,
    );
  }
  if (second !== undefined) {
    throw new UsageError(
      'cli/ambiguous',
      `${word}: means ${first.change.key} and ${second.change.key}; name one as REPO#PULL`,
    );
  }
  return first;
}

/** The place that a run belongs to. */
export function placeKey(run: RunSummary): string {
  return changeKey({ ...run, baseRef: run.branch ?? '' });
}

function runIdIn(word: string): string | null {
  return /(?:^|\/)([0-9a-f]{6,32})(?:[/?#.].*)?$/.exec(word)?.[1] ?? null;
}

type Place = Pick<RunSummary, 'repo' | 'pull' | 'branch' | 'sha'>;

function placeMatcher(word: string): ((place: Place) => boolean) | null {
  // A bare small number is what people say for a pull request; six digits and more could be a run.
  const pull = /^(.*?)(?:#|\bpull\/)([1-9]\d{0,8})$/.exec(word) ?? /^()([1-9]\d{0,4})$/.exec(word);
  if (pull !== null) {
    // The address of a pull request names it as well.
    const repo = (pull[1] ?? '').replace(/\/$/, '').replace(/^https?:\/\/[^/]+\//, '');
    const number = Number(pull[2]);
    return (place) => place.pull === number && (repo === '' || place.repo === repo);
  }
  if (/^[0-9a-f]{7,64}$/.test(word)) return (place) => place.sha.startsWith(word);
  const branch = /^([^@]+)@(.+)$/.exec(word);
  if (branch === null) return null;
  return (place) => place.repo === branch[1] && place.pull === null && place.branch === branch[2];
}

/** The newest run of each context at the newest commit that fits. */
export async function searchRuns(
  reader: LedgerReader,
  matches: (run: RunSummary) => boolean,
): Promise<readonly RunSummary[]> {
  const found = new Map<string, RunSummary>();
  let newest: RunSummary | null = null;
  let before: string | null = null;
  for (let seen = 0; seen < searchedRuns; seen += pageSize) {
    const page: { readonly runs: readonly RunSummary[]; readonly next: string | null } = await reader.listRuns({
      limit: pageSize,
      ...(before === null ? {} : { before }),
    });
    for (const run of page.runs) {
      if (!matches(run)) continue;
      newest ??= run;
      if (run.sha === newest.sha && run.repo === newest.repo && !found.has(run.context)) found.set(run.context, run);
    }
    before = page.next;
    if (before === null) break;
  }
  return [...found.values()];
}

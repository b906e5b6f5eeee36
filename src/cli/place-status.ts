import type { HeldChange, LedgerReader, RunSummary } from '../ledger/ledger-reader.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { placeKey, searchRuns } from './find-run.ts';
import { exitOf } from './follow-run.ts';
import type { NamedPlace } from './named-place.ts';

/** How a place stands: the newest run of each context at its newest commit, or why there is none. */
export interface PlaceStatus {
  readonly sha: string;
  readonly title: string;
  /** By context. */
  readonly runs: readonly RunSummary[];
  /** What the place is held for; null: nothing. */
  readonly held: Pick<HeldChange, 'kind' | 'sentence'> | null;
}

/** Looks the place up in the ledger; null: nothing is known of it yet. */
export async function findPlaceStatus(reader: LedgerReader, place: NamedPlace): Promise<PlaceStatus | null> {
  const { repo, changeKey, sha } = place;
  const isHere = (run: RunSummary): boolean =>
    run.repo === repo && (changeKey === null ? run.sha === sha : placeKey(run) === changeKey);
  const held = (await reader.held()).find(({ change }) =>
    changeKey === null ? change.repo === repo && change.headSha === sha : change.key === changeKey,
  );
  const runs = [...(await searchRuns(reader, isHere))].sort((a, b) => (a.context < b.context ? -1 : 1));
  if (held !== undefined) {
    const { headSha, title } = held.change;
    const { kind, sentence } = held;
    return { sha: headSha, title, runs: runs.filter((run) => run.sha === headSha), held: { kind, sentence } };
  }
  const [first] = runs;
  return first === undefined ? null : { sha: first.sha, title: first.title, runs, held: null };
}

/** Nothing will change by itself any more: all runs have ended, and nobody has to approve anything. */
export function isFinal({ runs, held }: PlaceStatus): boolean {
  return held?.kind !== 'needs-approval' && runs.every((run) => run.state === 'ended');
}

/** The exit status of the whole: the worst of its runs; what has not ended counts for nothing. */
export function exitOfStatus({ runs }: PlaceStatus): ExitCode {
  return runs.reduce<ExitCode>((worst, { outcome }) => {
    const code = outcome === null ? exitCode.ok : exitOf(outcome);
    return code > worst ? code : worst;
  }, exitCode.ok);
}

import type { HeldChange, LedgerReader, RunSummary, ShownContext } from '../ledger/ledger-reader.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { placeKey, searchRuns } from './find-run.ts';
import { exitOf } from './follow-run.ts';
import type { NamedPlace } from './named-place.ts';

/**
 * One context of a place: the run that speaks for it, or what is said instead (it is skipped, it waits for approval). `shown`: what
 * the forge shows and is to be told; null: nothing.
 */
export interface ContextStatus {
  readonly context: string;
  readonly run: RunSummary | null;
  readonly notice: NonNullable<ShownContext['notice']> | null;
  readonly shown: ShownContext | null;
}

/** How a place stands at its newest commit, context by context, or why there is none. */
export interface PlaceStatus {
  readonly sha: string;
  readonly title: string;
  /** By context. */
  readonly contexts: readonly ContextStatus[];
  /** What the place is held for; null: nothing. */
  readonly held: Pick<HeldChange, 'kind' | 'sentence'> | null;
}

/** Looks the place up in the ledger; null: nothing is known of it yet. */
export async function findPlaceStatus(reader: LedgerReader, place: NamedPlace): Promise<PlaceStatus | null> {
  const { forge, repo, changeKey } = place;
  const isHere = (run: RunSummary): boolean =>
    run.repo === repo && (changeKey === null ? run.sha === place.sha : placeKey(run) === changeKey);
  const held = (await reader.held()).find(({ change }) =>
    changeKey === null ? change.repo === repo && change.headSha === place.sha : change.key === changeKey,
  );
  const change = held?.change ?? (changeKey === null ? null : await reader.placeSeen(changeKey));
  const found = await searchRuns(reader, isHere);
  const sha = change?.headSha ?? found[0]?.sha ?? place.sha;
  if (sha === null) return null;
  const shown = await reader.shownAt({ forge, repo, sha });
  const runs = found.filter((run) => run.sha === sha);
  if (held === undefined && runs.length === 0 && !shown.some(saysSomething)) return null;
  return {
    sha,
    title: change?.title ?? found[0]?.title ?? '',
    contexts: joined(runs, shown),
    held: held === undefined ? null : { kind: held.kind, sentence: held.sentence },
  };
}

/** A context that is skipped shows that, whatever ran there before. */
function joined(runs: readonly RunSummary[], shown: readonly ShownContext[]): readonly ContextStatus[] {
  const said = new Map(shown.filter(saysSomething).map((one) => [one.context, one]));
  const ran = new Map(runs.map((run) => [run.context, run]));
  return [...new Set([...ran.keys(), ...said.keys()])].sort().map((context) => {
    const one = said.get(context) ?? null;
    const notice = one?.notice ?? null;
    return { context, run: notice === null ? (ran.get(context) ?? null) : null, notice, shown: one };
  });
}

/** What was withdrawn is of no interest. */
function saysSomething({ notice, jobId }: ShownContext): boolean {
  return notice !== null || jobId !== null;
}

/** Nothing will change by itself any more: all runs have ended, and nobody has to approve anything. */
export function isFinal({ contexts, held }: PlaceStatus): boolean {
  return held?.kind !== 'needs-approval' && contexts.every(({ run }) => run === null || run.state === 'ended');
}

/** The exit status of the whole: the worst of its runs; what has not ended counts for nothing. */
export function exitOfStatus({ contexts }: PlaceStatus): ExitCode {
  return contexts.reduce<ExitCode>((worst, { run }) => {
    const outcome = run?.outcome ?? null;
    const code = outcome === null ? exitCode.ok : exitOf(outcome);
    return code > worst ? code : worst;
  }, exitCode.ok);
}

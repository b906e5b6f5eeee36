import type { Command } from 'commander';
import { sleep } from '../../base/clock.ts';
import { GroundcrewError, UsageError } from '../../base/errors.ts';
import type { LedgerReader } from '../../ledger/ledger-reader.ts';
import type { RunWords } from '../../web/web-deps.ts';
import type { StatePaths } from '../../config/state-dir.ts';
import { exitCode } from '../exit-code.ts';
import type { NamedPlace } from '../named-place.ts';
import type { ContextStatus, PlaceStatus } from '../place-status.ts';
import { addVerb, loadToLook, withConfig, withJson, withReader, type ConfigOptions, type Frame } from '../verb.ts';
import type { CommandContext } from '../wiring.ts';

interface StatusOptions extends ConfigOptions {
  readonly wait?: boolean;
  readonly json?: boolean;
}

/** How long `--wait` waits for the first run to appear (ms): the forge is looked at first. */
const appearMs = 120_000;
const lookAgainMs = 300;

/** `status`: how a pull request, branch or commit stands, context by context. */
export function addStatus(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'status [repo] [ref]',
    summary: 'show how a pull request, branch or commit stands, context by context',
    details:
      'REPO is the name of a project or a path (default: the repository of this directory); REF a branch, #PULL or a full ' +
      'commit id (default: the branch that is checked out); OWNER/REPO#PULL and the address of a pull request name both. ' +
      'With --wait the exit status is the verdict: 0 all passed, 1 one failed, 3 the machinery failed or a run was canceled; ' +
      'without, it is 0. Reads the ledger itself, so it works while the server is down; only --wait needs one.',
    examples: [
      ['groundcrew status owner/repo#7', 'a pull request'],
      ['groundcrew status --wait', 'until the branch that is checked out has its verdicts'],
      ['groundcrew status owner/repo main --json', 'for a script'],
    ],
  }).option('-w, --wait', 'wait until every context has its verdict');
  withJson(withConfig(command)).action(
    async (repo: string | undefined, ref: string | undefined, options: StatusOptions) => {
      const { settings } = await loadToLook(context, options);
      const { namedPlace } = await import('../named-place.ts');
      const place = await namedPlace({ repo, ref }, settings, context);
      const code = await withReader(context, settings, async (reader) => {
        const found = await look(reader, place, { isWaiting: options.wait === true, paths: settings.paths }, context);
        if (found === null) return exitCode.interrupted;
        const { words } = await context.wiring();
        await print(found, { place, words, reader, isJson: options.json === true }, context);
        const { exitOfStatus } = await import('../place-status.ts');
        return options.wait === true ? exitOfStatus(found) : exitCode.ok;
      });
      done(code);
    },
  );
}

/** Null: interrupted before the end. */
async function look(
  reader: LedgerReader | null,
  place: NamedPlace,
  { isWaiting, paths }: { readonly isWaiting: boolean; readonly paths: StatePaths },
  context: CommandContext,
): Promise<PlaceStatus | null> {
  const { findPlaceStatus, isFinal } = await import('../place-status.ts');
  const { placeWords } = await import('../named-place.ts');
  const { createProgress } = await import('../output/progress.ts');
  const { connect } = await import('../client.ts');
  const startedAt = context.clock.now();
  const signal = context.interruption();
  const progress = createProgress(context.err, context.clock);
  try {
    for (;;) {
      const found = reader === null ? null : await findPlaceStatus(reader, place);
      if (found !== null && (!isWaiting || isFinal(found))) return found;
      if (found === null && !isWaiting) {
        throw new UsageError(
          'cli/no-run',
          `${placeWords(place)}: nothing is known of it; groundcrew runs lists what is`,
        );
      }
      if (found === null && context.clock.now() - startedAt > appearMs) {
        throw new GroundcrewError('cli/nothing-started', `${placeWords(place)}: nothing was started there`);
      }
      if (signal.aborted) return null;
      // Nobody would ever bring the verdict.
      connect(paths);
      progress.say(found === null ? 'nothing is known of it yet' : (found.held?.sentence ?? summary(found)));
      await sleep(context.clock, lookAgainMs, signal);
    }
  } finally {
    progress.end();
  }
}

function summary({ contexts }: PlaceStatus): string {
  const runs = contexts.flatMap(({ run }) => (run === null ? [] : [run]));
  const ended = runs.filter(({ state }) => state === 'ended').length;
  return `${String(ended)} of ${String(runs.length)} have their verdict`;
}

async function print(
  { sha, title, contexts, held }: PlaceStatus,
  how: {
    readonly place: NamedPlace;
    readonly words: RunWords;
    readonly reader: LedgerReader | null;
    readonly isJson: boolean;
  },
  context: CommandContext,
): Promise<void> {
  const rows = [];
  for (const one of contexts) rows.push({ ...one, sentence: await sentenceOf(one, how) });
  const { plainJson, plainText } = await import('../output/plain-text.ts');
  if (how.isJson) {
    const { forge, repo, changeKey } = how.place;
    const told = rows.map(({ run, sentence, ...one }) => ({ ...run, ...one, shown: shownOf(one.shown), sentence }));
    await context.out.line(plainJson({ forge, repo, changeKey, sha, title, held, contexts: told }));
    return;
  }
  const { placeWords } = await import('../named-place.ts');
  await context.out.line(plainText(`${placeWords(how.place)} at ${sha.slice(0, 12)}  ${title}`));
  if (held !== null) await context.out.line(plainText(held.sentence));
  if (held?.kind === 'needs-approval') {
    await context.err.line(plainText(`groundcrew approve ${placeWords(how.place)} lets it be tested`));
  }
  if (rows.length === 0) return;
  const { printTable } = await import('../output/table.ts');
  const { contextState } = await import('../output/run-state.ts');
  const { gitForgeName } = await import('../../config/project-settings.ts');
  const { shownIdDigits } = await import('../print-runs.ts');
  await printTable(
    context.out,
    [
      { head: 'CONTEXT', cell: (one) => one.context, isFlexible: true },
      {
        head: 'STATE',
        cell: (one) => {
          const { glyph, word } = contextState(one, context.out);
          return `${glyph} ${word}`;
        },
        style: (one) => contextState(one, context.out).style,
      },
      { head: 'RUN', cell: ({ run }) => run?.jobId.slice(0, shownIdDigits) ?? '' },
      // A plain repository has no place to show anything.
      ...(how.place.forge === gitForgeName ? [] : [{ head: 'FORGE', cell: forgeWords }]),
      { head: 'WHAT IT SAYS', cell: (one) => one.sentence, isWrapped: true },
    ],
    rows,
  );
}

async function sentenceOf(
  { run, notice, shown }: ContextStatus,
  { words, reader }: { readonly words: RunWords; readonly reader: LedgerReader | null },
): Promise<string> {
  if (notice !== null) return notice.sentence;
  if (run === null) return shown?.said?.sentence ?? 'its run is not known any more';
  if (run.state !== 'waiting' && run.state !== 'offered') return words.standing(run);
  return words.whyWaiting(run, (await reader?.position(run.jobId)) ?? 0);
}

/** What the forge shows now; in brackets that it is behind, or will not take it. */
function forgeWords({ shown }: ContextStatus): string {
  if (shown === null) return '-';
  const now = shown.said?.state ?? 'nothing';
  if (shown.refused !== null) return `${now} (refused)`;
  return shown.isCurrent ? now : `${now} (behind)`;
}

/** For scripts: what the forge shows now, and whether that is what it should. */
function shownOf(shown: ContextStatus['shown']): unknown {
  if (shown === null) return null;
  const { said, isCurrent, refused } = shown;
  return { state: said?.state ?? null, sentence: said?.sentence ?? null, isCurrent, refused };
}

import { sleep, systemClock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { HeldChange, LedgerReader, RunSummary } from '../ledger/ledger-reader.ts';
import { standingWords } from '../report/words.ts';
import { elapsed } from './output/elapsed.ts';
import { plainText } from './output/plain-text.ts';
import { runState } from './output/run-state.ts';
import type { Terminal } from './output/terminal.ts';
import { placeOf, shownIdDigits } from './print-runs.ts';

/** What starts or ends beyond this many runs at once is on the pages only. */
const lookedAt = 50;
/** Between two looks, however often something changes. */
const pauseMs = 100;

/** What the lines are made from. */
export interface RunLinesDeps {
  readonly reader: Pick<LedgerReader, 'listRuns' | 'held'>;
  /** Of the pages, without trailing slash. */
  readonly address: string;
  /** Hears of every change of the ledger. */
  readonly onChange: (listener: () => void) => void;
}

/**
 * Tells a person at a terminal what happens, until the signal aborts: a line when a run starts, one when it ends, one for
 * a change that waits for an approval or has nothing to run. What had ended before is not told. Never throws.
 */
export async function tellRuns(deps: RunLinesDeps, terminal: Terminal, signal: AbortSignal): Promise<void> {
  let told: ReadonlyMap<string, string> | null = null;
  let looking: Promise<void> | null = null;
  let isStale = false;
  const lookOnce = async (): Promise<void> => {
    const lines = await linesNow(deps, terminal);
    for (const [key, line] of lines) {
      // What waits for a person or goes on is said at each start; it would not come again by itself.
      const isNews = told === null ? !key.startsWith('ended') : told.get(key) !== line;
      if (isNews && !signal.aborted) await terminal.line(line);
    }
    told = lines;
  };
  const look = (): Promise<void> => {
    isStale = true;
    looking ??= (async () => {
      while (isStale && !signal.aborted) {
        isStale = false;
        await lookOnce();
        await sleep(systemClock, pauseMs, signal);
      }
    })()
      .catch((error: unknown) => terminal.line(`groundcrew: the runs could not be listed: ${errorLine(error)}`))
      .finally(() => {
        looking = null;
      });
    return looking;
  };
  deps.onChange(() => void look());
  await look();
}

async function linesNow({ reader, address }: RunLinesDeps, terminal: Terminal): Promise<ReadonlyMap<string, string>> {
  const ended = await reader.listRuns({ state: 'ended', limit: lookedAt });
  const running = await reader.listRuns({ state: 'running', limit: lookedAt });
  const lines = new Map<string, string>();
  for (const change of await reader.held()) {
    lines.set(`held ${change.change.repo} ${change.change.key}`, heldLine(change, terminal));
  }
  for (const run of [...ended.runs.toReversed(), ...running.runs.toReversed()]) {
    lines.set(`${run.state} ${run.jobId}`, runLine(run, address, terminal));
  }
  return lines;
}

function runLine(run: RunSummary, address: string, terminal: Terminal): string {
  const { glyph, style } = runState(run, terminal);
  const what = plainText(`${run.repo} ${placeOf(run)} ${run.sha.slice(0, 7)}  ${run.context}`);
  const link = terminal.paint('cyan', `${address}/runs/${run.jobId.slice(0, shownIdDigits)}`);
  const again = run.attempts > 1 ? `, attempt ${String(run.attempts)}` : '';
  if (run.outcome === null) return `${terminal.paint(style, `${glyph} ${what}  runs${again}`)}  ${link}`;
  const took = run.startedAt === null || run.endedAt === null ? '' : ` in ${elapsed(run.endedAt - run.startedAt)}`;
  return `${terminal.paint(style, `${glyph} ${what}  ${plainText(standingWords(run, null))}${took}`)}  ${link}`;
}

function heldLine({ change, sentence, kind }: HeldChange, terminal: Terminal): string {
  const place = change.pull === null ? (change.branch ?? '') : `#${String(change.pull)}`;
  const remedy = kind === 'needs-approval' ? `: groundcrew approve '${change.repo}${place}'` : '';
  const glyph = terminal.hasUnicode ? '○' : '.';
  return terminal.paint('yellow', plainText(`${glyph} ${change.repo} ${place}  ${sentence}${remedy}`));
}

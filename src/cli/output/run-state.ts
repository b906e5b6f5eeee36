import type { Notice } from '../../core/action.ts';
import type { ShownContext } from '../../ledger/ledger-reader.ts';
import type { JobStanding } from '../../ledger/report-due.ts';
import type { Style, Terminal } from './terminal.ts';

/** How a standing is shown: never by colour alone. */
export interface RunState {
  readonly word: string;
  readonly glyph: string;
  readonly style: Style;
}

/** The word, sign and colour of where a run stands. */
export function runState(standing: JobStanding, terminal: Terminal): RunState {
  const state = stateOf(standing);
  return terminal.hasUnicode ? state : { ...state, glyph: ascii[state.glyph] ?? '-' };
}

/** The same of a context, for which a run speaks, or a notice. */
export function contextState(
  of: { readonly run: JobStanding | null; readonly notice: Notice | null; readonly shown: ShownContext | null },
  terminal: Terminal,
): RunState {
  if (of.run !== null) return runState(of.run, terminal);
  const state = saidState(of.notice, of.shown);
  return terminal.hasUnicode ? state : { ...state, glyph: ascii[state.glyph] ?? '-' };
}

function saidState(notice: Notice | null, shown: ShownContext | null): RunState {
  if (notice === null) return { word: shown?.said?.state ?? 'unknown', glyph: '○', style: 'dim' };
  switch (notice.kind) {
    case 'needs-approval':
      return { word: 'needs approval', glyph: '○', style: 'yellow' };
    case 'nothing-to-run':
      return { word: 'nothing to run', glyph: '⊘', style: 'dim' };
    case 'skipped':
      return { word: notice.isByPolicy === true ? 'not needed' : 'skipped', glyph: '⊘', style: 'dim' };
    default:
      return notice.kind satisfies never;
  }
}

const ascii: Readonly<Record<string, string>> = {
  '✔': '+',
  '✘': 'x',
  '●': '*',
  '○': '.',
  '⊘': '/',
  '⚠': '!',
  '◷': 'T',
};

function stateOf(standing: JobStanding): RunState {
  const { state, outcome, phase } = standing;
  if (state === 'running') {
    return { word: phase === null || phase === 'running' ? 'running' : phase, glyph: '●', style: 'blue' };
  }
  if (state !== 'ended' || outcome === null) return { word: 'waiting', glyph: '○', style: 'yellow' };
  switch (outcome.kind) {
    case 'passed':
      return { word: 'passed', glyph: '✔', style: 'green' };
    case 'failed':
      return { word: 'failed', glyph: '✘', style: 'red' };
    case 'timed-out':
      return { word: 'timed out', glyph: '◷', style: 'red' };
    case 'canceled':
      return { word: 'canceled', glyph: '⊘', style: 'dim' };
    case 'broken':
      return { word: 'broken', glyph: '⚠', style: 'magenta' };
    default:
      return outcome satisfies never;
  }
}

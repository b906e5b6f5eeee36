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

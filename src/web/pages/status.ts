import { html } from 'hono/html';
import type { RunSummary } from '../../ledger/ledger-reader.ts';
import type { Html } from './format.ts';
import { icons, type IconName } from './icons.ts';

/** How a state looks: never by colour alone. */
interface Look {
  readonly text: string;
  readonly icon: IconName;
  readonly tone: 'success' | 'danger' | 'warning' | 'neutral' | 'active' | 'held';
}

/** The word, icon and tone of a run's state. */
export function lookOf(run: Pick<RunSummary, 'state' | 'outcome' | 'phase'>): Look {
  if (run.outcome !== null && run.state === 'ended') {
    switch (run.outcome.kind) {
      case 'passed':
        return { text: 'Passed', icon: 'passed', tone: 'success' };
      case 'failed':
        return { text: 'Failed', icon: 'failed', tone: 'danger' };
      case 'timed-out':
        return { text: 'Timed out', icon: 'failed', tone: 'danger' };
      case 'broken':
        return { text: 'Machinery', icon: 'broken', tone: 'warning' };
      case 'canceled':
        return { text: 'Canceled', icon: 'canceled', tone: 'neutral' };
    }
  }
  switch (run.state) {
    case 'running':
      return { text: run.phase === 'saving' ? 'Saving' : 'Running', icon: 'running', tone: 'active' };
    case 'offered':
      return { text: 'Starting', icon: 'waiting', tone: 'active' };
    case 'waiting':
      return { text: 'Waiting', icon: 'waiting', tone: 'neutral' };
    case 'ended':
      return { text: 'Ended', icon: 'canceled', tone: 'neutral' };
  }
}

const labelClass: Readonly<Record<Look['tone'], string>> = {
  success: 'pf-m-green',
  danger: 'pf-m-red',
  warning: 'pf-m-orange',
  neutral: 'pf-m-grey',
  active: 'pf-m-blue',
  held: 'pf-m-yellow',
};

/** A label with icon and word. */
export function statusLabel(look: Look): Html {
  return html`<span class="pf-v6-c-label gc-status ${labelClass[look.tone]}"
    ><span class="pf-v6-c-label__content"
      ><span class="pf-v6-c-label__icon">${icons[look.icon]}</span
      ><span class="pf-v6-c-label__text">${look.text}</span></span
    ></span
  >`;
}

/** The label of what waits for a person. */
export const heldLabel: Html = statusLabel({ text: 'Needs approval', icon: 'held', tone: 'held' });

/** The label of a change that had nothing to run. */
export const nothingLabel: Html = statusLabel({ text: 'Nothing to run', icon: 'canceled', tone: 'neutral' });

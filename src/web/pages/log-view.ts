import { html } from 'hono/html';
import type { AttemptDetail, RunSummary } from '../../ledger/ledger-reader.ts';
import { attemptName } from '../attempt-name.ts';
import type { Html } from './format.ts';
import { icons } from './icons.ts';

/** The log of one attempt; filled by `client/log-view.ts`, and without script a link to the raw text. */
export function logView(run: RunSummary, attempt: AttemptDetail): Html {
  const name = attemptName(attempt);
  const base = `/api/runs/${run.jobId}/log`;
  const query = `attempt=${encodeURIComponent(name)}`;
  const isLive = attempt.state !== 'ended';
  return html`<section class="pf-v6-c-card gc-card gc-log-card" aria-labelledby="section-log">
    <div class="gc-card-head gc-log-head">
      <h2 class="pf-v6-c-title pf-m-lg" id="section-log">Log</h2>
      <span class="gc-log-place" id="log-place"></span>
      <div class="gc-log-tools" id="log-tools" hidden>
        <form class="gc-log-search" id="log-search" role="search" aria-label="Log">
          <label class="gc-hidden-text" for="log-query">Search the log</label>
          <span class="pf-v6-c-form-control"
            ><input
              type="search"
              id="log-query"
              maxlength="200"
              title="Enter: next match, Shift+Enter: the one before, :120 goes to line 120, Escape ends"
              placeholder="Search ( / )"
              autocomplete="off"
          /></span>
          <span class="gc-log-found" id="log-found" role="status"></span>
          ${tool('log-previous', 'Previous match (Shift+Enter)', icons.up)}
          ${tool('log-next', 'Next match (Enter)', icons.down)}
        </form>
        <div class="gc-log-buttons" role="toolbar" aria-label="Log view">
          ${tool('log-start', 'Go to the start', icons.start)} ${tool('log-end', 'Go to the end', icons.end)}
          <button class="pf-v6-c-button pf-m-control gc-toggle" type="button" id="log-follow" aria-pressed="false">
            Follow
          </button>
          <button
            class="pf-v6-c-button pf-m-control gc-toggle"
            type="button"
            id="log-wrap"
            aria-pressed="true"
            title="Wrap long lines (w)"
          >
            Wrap
          </button>
        </div>
      </div>
      <a class="pf-v6-c-button pf-m-link gc-raw" href="${base}?${query}" target="_blank" rel="noopener">Raw</a>
      <a class="pf-v6-c-button pf-m-link gc-raw" href="${base}?${query}&amp;download=1" download
        ><span class="pf-v6-c-button__icon pf-m-start">${icons.download}</span
        ><span class="pf-v6-c-button__text">Download</span></a
      >
    </div>
    <div
      class="gc-log"
      id="log"
      data-base="${base}"
      data-attempt="${name}"
      data-live="${isLive ? '1' : '0'}"
      data-failed="${attempt.outcome?.kind === 'passed' ? '0' : '1'}"
      tabindex="0"
      role="region"
      aria-label="Log of attempt ${attempt.n}"
    >
      <ol class="gc-lines" id="log-lines"></ol>
      <noscript><p class="gc-none">Without script the log is shown as raw text: follow the link above.</p></noscript>
    </div>
    ${attempt.isLogTruncated ? html`<p class="gc-none">This log was cut: it grew past its limit.</p>` : ''}
  </section>`;
}

function tool(id: string, words: string, icon: Html): Html {
  return html`<button class="pf-v6-c-button pf-m-plain" type="button" id="${id}" aria-label="${words}" title="${words}">
    <span class="pf-v6-c-button__icon">${icon}</span>
  </button>`;
}

import { html } from 'hono/html';
import type { RunSummary } from '../../ledger/ledger-reader.ts';
import type { ForgeLinks } from '../web-deps.ts';
import { cut, lasting, moment, placeOf, shortRepo, stranger, type Html } from './format.ts';
import { icons } from './icons.ts';
import { lookOf, statusLabel } from './status.ts';

/** One run in a list. `note` is a sentence under it: why it waits, how it ended. */
export function runRow(run: RunSummary, note: string, now: number): Html {
  const look = lookOf(run);
  const title = run.title === '' ? run.sha.slice(0, 12) : run.title;
  return html`<li class="gc-row" data-tone="${look.tone}" id="run-${run.jobId}">
    <div class="gc-row-status">${statusLabel(look)}</div>
    <div class="gc-row-main">
      <a class="gc-row-title" href="/runs/${run.jobId}">${stranger(title)}</a>
      ${metaLine(run)} ${note === '' ? '' : html`<p class="gc-row-note">${stranger(note, 300)}</p>`}
    </div>
    <div class="gc-row-side">
      <span class="gc-row-when"
        >${run.state === 'ended' ? moment(run.endedAt, now) : html`queued ${moment(run.queuedAt, now)}`}</span
      >
      ${
        run.startedAt === null
          ? ''
          : html`<span class="gc-row-time" title="How long the command ran"
              >${icons.clock}<span class="gc-hidden-text">ran for </span
              >${lasting(run.startedAt, run.endedAt, now)}</span
            >`
      }
      ${run.worker === null ? '' : html`<span class="gc-row-worker">${icons.worker}${stranger(run.worker, 40)}</span>`}
    </div>
  </li>`;
}

/** Where the forge shows a change and a commit; null: nowhere. */
export type Links = ReturnType<ForgeLinks>;

/** Where a run comes from, in one line: context, repository, branch or pull request, commit; with links to the forge. */
export function metaLine(
  run: Pick<RunSummary, 'repo' | 'pull' | 'branch' | 'sha' | 'context'>,
  links: Links = null,
): Html {
  return html`<p class="gc-meta">
    ${run.context === '' ? '' : html`<span class="gc-context">${stranger(run.context, 80)}</span>`}
    <span title="${cut(run.repo, 500)}">${icons.repo}<bdi>${shortRepo(run.repo)}</bdi></span>
    <span
      ><span class="gc-hidden-text">on </span>${icons.branch}${linked(links?.change, stranger(placeOf(run), 60))}</span
    >
    <span class="gc-mono" title="${run.sha}"
      ><span class="gc-hidden-text">commit </span
      >${icons.commit}${linked(links?.commit, html`${run.sha.slice(0, 10)}`)}</span
    >
  </p>`;
}

/** A link where there is an address to lead to. */
export function linked(address: string | null | undefined, text: Html): Html {
  return address === null || address === undefined ? text : html`<a href="${address}" rel="noopener">${text}</a>`;
}

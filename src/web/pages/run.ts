import { html } from 'hono/html';
import type { AttemptDetail, RunDetail } from '../../ledger/ledger-reader.ts';
import { attemptName } from '../attempt-name.ts';
import { byteSize, cut, exactTime, lasting, moment, placeOf, shortRepo, stranger, type Html } from './format.ts';
import { icons } from './icons.ts';
import { actionForm } from './layout.ts';
import { logView } from './log-view.ts';
import { askedBy } from './occasion.ts';
import { linked, metaLine, type Links } from './run-row.ts';
import { heldLabel, lookOf, statusLabel } from './status.ts';
import { timingBar } from './timing-bar.ts';

/** One file that a job left. `path` is below the attempt's prefix. */
export interface FileShown {
  readonly path: string;
  readonly sizeBytes: number;
}

/** All that a run's page shows. */
export interface RunView {
  readonly now: number;
  readonly run: RunDetail;
  /** Why it waits, how it goes, how it ended. */
  readonly sentence: string;
  readonly attempts: readonly AttemptDetail[];
  readonly shown: AttemptDetail | null;
  readonly files: readonly FileShown[];
  readonly hasMoreFiles: boolean;
  /** The change waits for approval at this very commit. */
  readonly approvable: { readonly changeKey: string } | null;
  /** Where the forge shows it; null: nowhere. */
  readonly links: Links;
}

/** A run: verdict first, then its log, then everything else. */
export function runPage(view: RunView): Html {
  const { run, now, sentence, shown } = view;
  const { summary } = run;
  const title = summary.title === '' ? summary.sha.slice(0, 12) : summary.title;
  return html`<nav class="pf-v6-c-breadcrumb" aria-label="Breadcrumb">
      <ol class="pf-v6-c-breadcrumb__list" role="list">
        <li class="pf-v6-c-breadcrumb__item"><a class="pf-v6-c-breadcrumb__link" href="/">Runs</a></li>
        <li class="pf-v6-c-breadcrumb__item">
          <span class="gc-crumb" aria-hidden="true">/</span
          ><a class="pf-v6-c-breadcrumb__link" href="/?${new URLSearchParams({ repo: summary.repo }).toString()}"
            ><bdi>${shortRepo(summary.repo)}</bdi></a
          >
        </li>
        <li class="pf-v6-c-breadcrumb__item">
          <span class="gc-crumb" aria-hidden="true">/</span
          ><span aria-current="page" class="gc-mono">${summary.jobId.slice(0, 10)}</span>
        </li>
      </ol>
    </nav>
    <header class="gc-run-head" id="run-head" data-refresh data-tone="${lookOf(summary).tone}">
      <div class="gc-run-title">
        <h1 class="pf-v6-c-title pf-m-2xl">${stranger(title)}</h1>
        ${metaLine(summary, view.links)}
      </div>
      <div class="gc-run-verdict">
        ${statusLabel(lookOf(summary))} ${view.approvable === null ? '' : heldLabel}
        <p class="gc-sentence">${stranger(sentence, 400)}</p>
        <p class="gc-run-times">
          ${
            summary.endedAt === null
              ? html`queued ${moment(summary.queuedAt, now)}`
              : html`ended ${moment(summary.endedAt, now)}`
          }
          ${
            summary.startedAt === null
              ? ''
              : html`·
                  <span title="How long the command ran">${lasting(summary.startedAt, summary.endedAt, now)}</span>`
          }
        </p>
      </div>
      <div class="gc-run-actions">${actions(view, title)}</div>
      ${timingBar(summary, shown, now)}
    </header>
    ${view.attempts.length > 1 ? attemptTabs(view) : ''}
    ${
      shown === null
        ? html`<section class="pf-v6-c-card gc-card">
            <p class="gc-none" id="no-log" data-reload-when-started>
              No worker has taken this run yet; its log appears here as soon as one does.
            </p>
          </section>`
        : logView(summary, shown)
    }
    ${shown === null ? '' : html`<div id="files" data-refresh>${fileList(view, shown)}</div>`}
    <div id="facts" data-refresh>${facts(view)}</div>`;
}

function actions(view: RunView, title: string): Html {
  const { summary } = view.run;
  const back = `/runs/${summary.jobId}`;
  const about = cut(title, 120);
  const run = { jobId: summary.jobId };
  return html`${
    view.approvable === null
      ? ''
      : actionForm({
          label: 'Approve',
          about,
          icon: icons.approve,
          look: 'primary',
          fields: { kind: 'approve', changeKey: view.approvable.changeKey, sha: summary.sha },
          back,
        })
  }
  ${
    summary.state === 'ended'
      ? actionForm({
          label: 'Retry',
          about,
          icon: icons.retry,
          look: 'secondary',
          fields: { kind: 'retry', ...run },
          back,
        })
      : actionForm({
          label: 'Cancel',
          about,
          icon: icons.stop,
          look: 'danger',
          fields: { kind: 'cancel', ...run },
          back,
        })
  }`;
}

function attemptTabs(view: RunView): Html {
  const { run, attempts, shown, now } = view;
  return html`<nav class="pf-v6-c-tabs gc-tabs" aria-label="Attempts" id="attempts" data-refresh>
    <ul class="pf-v6-c-tabs__list" role="list">
      ${attempts.map((attempt) => {
        const isShown = attempt === shown;
        const look = lookOf({
          state: attempt.state === 'ended' ? 'ended' : 'running',
          outcome: attempt.outcome,
          phase: attempt.phase,
        });
        const query = new URLSearchParams({ attempt: attemptName(attempt) }).toString();
        return html`<li class="pf-v6-c-tabs__item ${isShown ? 'pf-m-current' : ''}">
          <a class="pf-v6-c-tabs__link" href="/runs/${run.summary.jobId}?${query}" ${isShown ? 'aria-current=page' : ''}
            ><span class="pf-v6-c-tabs__item-icon gc-tone-${look.tone}">${icons[look.icon]}</span
            ><span class="pf-v6-c-tabs__item-text"
              >${attempt.generation > 1 ? `Round ${attempt.generation}, attempt` : 'Attempt'} ${attempt.n}:
              ${look.text.toLowerCase()}${attempt.isAccepted ? ' (counts)' : ''}<span class="gc-hidden-text"
                >, ${moment(attempt.claimedAt, now)}</span
              ></span
            ></a
          >
        </li>`;
      })}
    </ul>
  </nav>`;
}

function fileList(view: RunView, shown: AttemptDetail): Html {
  const { files, hasMoreFiles, run } = view;
  if (files.length === 0) return html``;
  const base = `/runs/${run.summary.jobId}/files/${attemptName(shown)}/`;
  return html`<section class="pf-v6-c-card gc-card" aria-labelledby="section-files">
    <div class="gc-card-head">
      <h2 class="pf-v6-c-title pf-m-lg" id="section-files">Files</h2>
      <span class="gc-count">${files.length}${hasMoreFiles ? '+' : ''}</span>
    </div>
    <ul class="gc-files">
      ${files.map(({ path, sizeBytes }) => {
        const slash = path.lastIndexOf('/') + 1;
        const isImage = /\.(?:png|jpe?g|gif|webp)$/i.test(path);
        return html`<li>
          <a href="${base}${path.split('/').map(encodeURIComponent).join('/')}" target="_blank" rel="noopener"
            >${isImage ? icons.image : icons.file}<bdi
              ><span class="gc-folder">${path.slice(0, slash)}</span>${path.slice(slash)}</bdi
            ></a
          ><span class="gc-size">${byteSize(sizeBytes)}</span>
        </li>`;
      })}
    </ul>
    ${hasMoreFiles ? html`<p class="gc-none">There are more files than are listed here.</p>` : ''}
  </section>`;
}

function facts(view: RunView): Html {
  const { run, shown, links } = view;
  const { summary, job } = run;
  const command = `groundcrew reproduce ${summary.jobId.slice(0, 12)}`;
  const rows: [string, Html | string][] = [
    ['Repository', stranger(summary.repo, 300)],
    [summary.pull === null ? 'Branch' : 'Pull request', linked(links?.change, stranger(placeOf(summary), 300))],
    ['Commit', linked(links?.commit, html`<span class="gc-mono">${summary.sha}</span>`)],
    ['Context', stranger(summary.context, 300)],
    ['Asked for by', stranger(askedBy(summary.occasion), 200)],
    ['Queued', exactTime(summary.queuedAt)],
    ['Pool and needs', stranger([summary.pool, ...summary.needs].join(', '), 200)],
    ['Time limit', `${Math.round(job.timeoutMs / 60_000)} min`],
    ['Command', stranger(job.command === null ? 'the entry point of the repository' : job.command.join(' '), 500)],
    ['Container', stranger(job.container ?? "the repository's own, or the default", 300)],
  ];
  if (shown !== null) {
    rows.push(['Worker', stranger(shown.worker, 100)]);
    if (shown.testedSha !== null && shown.testedSha !== summary.sha) {
      rows.push(['Tested commit', html`<span class="gc-mono">${shown.testedSha}</span>`]);
    }
    if (shown.baseSha !== null) rows.push(['Base commit', html`<span class="gc-mono">${shown.baseSha}</span>`]);
    if (shown.imageDigest !== null)
      rows.push(['Image', html`<span class="gc-mono">${cut(shown.imageDigest, 100)}</span>`]);
    if (shown.peakMemoryBytes !== null) rows.push(['Memory at most', byteSize(shown.peakMemoryBytes)]);
    if (shown.oom === 'yes') rows.push(['Out of memory', 'yes']);
    if (shown.logSha256 !== null) rows.push(['Log SHA-256', html`<span class="gc-mono">${shown.logSha256}</span>`]);
  }
  if (summary.policyVersion !== null) {
    rows.push(['Policy', html`<span class="gc-mono">${cut(summary.policyVersion, 40)}</span>`]);
  }
  rows.push(['Trace', html`<span class="gc-mono">${cut(run.traceId, 100)}</span>`]);
  return html`<section class="pf-v6-c-card gc-card" aria-labelledby="section-again">
      <div class="gc-card-head">
        <h2 class="pf-v6-c-title pf-m-lg" id="section-again">The same run on your machine</h2>
      </div>
      <div class="gc-copy">
        <code class="gc-command" id="reproduce">${command}</code>
        <button class="pf-v6-c-button pf-m-secondary" type="button" data-copy="${command}" hidden>
          <span class="pf-v6-c-button__icon pf-m-start">${icons.copy}</span
          ><span class="pf-v6-c-button__text">Copy</span>
        </button>
      </div>
    </section>
    <section class="pf-v6-c-card gc-card" aria-labelledby="section-facts">
      <div class="gc-card-head"><h2 class="pf-v6-c-title pf-m-lg" id="section-facts">Details</h2></div>
      <dl class="pf-v6-c-description-list gc-facts">
        ${rows.map(
          ([term, text]) =>
            html`<div class="pf-v6-c-description-list__group">
              <dt class="pf-v6-c-description-list__term">
                <span class="pf-v6-c-description-list__text">${term}</span>
              </dt>
              <dd class="pf-v6-c-description-list__description">
                <div class="pf-v6-c-description-list__text">${text}</div>
              </dd>
            </div>`,
        )}
      </dl>
      ${environment(job.env, job.secrets)}
    </section>`;
}

function environment(env: Readonly<Record<string, string>>, secrets: readonly string[]): Html {
  const entries = Object.entries(env);
  if (entries.length === 0 && secrets.length === 0) return html``;
  return html`<details class="gc-environment" id="environment">
    <summary>Environment (${entries.length + secrets.length})</summary>
    <ul class="gc-env">
      ${entries.map(([name, value]) => html`<li><b>${stranger(name, 200)}</b>=${stranger(value, 2000)}</li>`)}
      ${secrets.map((name) => html`<li><b>${stranger(name, 200)}</b> (a secret, not shown)</li>`)}
    </ul>
  </details>`;
}

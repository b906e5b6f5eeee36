import { html } from 'hono/html';
import type { HeldChange, LedgerReader, RunSummary, WorkerSeen } from '../../ledger/ledger-reader.ts';
import { cut, moment, placeOf, shortRepo, stranger, type Html } from './format.ts';
import type { PolicySeen } from '../operator.ts';
import { icons } from './icons.ts';
import { actionForm } from './layout.ts';
import { metaLine, runRow, type Links } from './run-row.ts';
import { heldLabel, nothingLabel } from './status.ts';

/** Which ended runs a person wants to see. */
export interface HomeQuery {
  readonly q: string;
  readonly repo: string;
  readonly result: string;
  readonly before: string;
}

/** A run with the sentence that goes with it. */
export interface Noted {
  readonly run: RunSummary;
  readonly note: string;
}

/** All that the first page shows. */
export interface HomeView {
  readonly now: number;
  readonly query: HomeQuery;
  readonly counts: Awaited<ReturnType<LedgerReader['counts']>>;
  readonly workers: readonly WorkerSeen[];
  /** Each with where the forge shows it: whoever approves has to read it first. */
  readonly held: readonly (HeldChange & { readonly links: Links })[];
  readonly running: readonly Noted[];
  readonly waiting: readonly Noted[];
  readonly ended: readonly Noted[];
  /** Cursor of the next page of ended runs. */
  readonly next: string | null;
  /** How many runs the search looked at; null: no search. */
  readonly searched: number | null;
  readonly repos: readonly string[];
  /** Null: nothing is known of the policy here. */
  readonly policy: PolicySeen | null;
}

/** The results that ended runs can be filtered by: value and words. */
export const resultFilters = [
  ['', 'Any result'],
  ['passed', 'Passed'],
  ['failed', 'Failed'],
  ['broken', 'Machinery'],
  ['canceled', 'Canceled'],
] as const;

/** What runs, what waits and why, what is held, what ended. */
export function homePage(view: HomeView): Html {
  const { counts, now } = view;
  const isEmpty = counts.waiting + counts.offered + counts.running + counts.ended === 0 && view.held.length === 0;
  return html`<h1 class="gc-hidden-text">Runs</h1>
    ${policyBanner(view.policy)} ${refusedBanner(counts.reportsRefused)} ${summary(view)}
    ${isEmpty ? html`<div id="runs" data-refresh>${firstSteps()}</div>` : html`${lists(view, now)}`}
    ${view.policy === null ? '' : html`<p class="gc-policy">Policy <code>${view.policy.version}</code></p>`}`;
}

/** Said where everybody looks: who edited the file believes that the edit counts. */
function policyBanner(policy: PolicySeen | null): Html | '' {
  if (policy === null || (policy.problem === null && policy.needsRestart.length === 0)) return '';
  const text =
    policy.problem === null
      ? html`Changes of ${policy.needsRestart.join(', ')} count only after a restart of the server.`
      : html`The configuration file is wrong; version ${policy.version} stays in force. Run
          <code>groundcrew config check</code> to see what is wrong.`;
  return html`<p class="gc-banner" role="status">${icons.broken}<span>${text}</span></p>`;
}

/** A change that shows no verdict waits for ever, and its people do not know why. */
function refusedBanner(count: number): Html | '' {
  if (count === 0) return '';
  return html`<p class="gc-banner" role="status">
    ${icons.broken}<span>The forge refuses ${count} of our statuses. <a href="/refused">See which, and why</a></span>
  </p>`;
}

function lists(view: HomeView, now: number): Html {
  const { held, running, waiting, counts } = view;
  const isPaged = view.query.before !== '';
  const now_ = html`<div id="runs" data-refresh>
    ${held.length === 0 ? '' : section('Held', held.length, html`${held.map((one) => heldRow(one, now))}`)}
    ${
      running.length === 0 && waiting.length === 0
        ? html`<section class="pf-v6-c-card gc-card gc-idle">
            <p>${icons.passed}<span>Nothing runs and nothing waits.</span></p>
          </section>`
        : ''
    }
    ${
      running.length === 0
        ? ''
        : section(
            'Running',
            counts.running + counts.offered,
            html`${running.map((one) => runRow(one.run, one.note, now))}`,
          )
    }
    ${
      waiting.length === 0
        ? ''
        : section(
            'Waiting',
            counts.waiting,
            html`${waiting.map((one) => runRow(one.run, one.note, now))}${
              counts.waiting > waiting.length
                ? html`<li class="gc-more">and ${counts.waiting - waiting.length} more behind these</li>`
                : ''
            }`,
          )
    }
  </div>`;
  return html`${isPaged ? '' : now_}${endedSection(view, now)}`;
}

function section(title: string, count: number, rows: Html): Html {
  const id = `section-${title.toLowerCase()}`;
  return html`<section class="pf-v6-c-card gc-card" aria-labelledby="${id}">
    <div class="gc-card-head">
      <h2 class="pf-v6-c-title pf-m-lg" id="${id}">${title}</h2>
      <span class="gc-count">${count}</span>
    </div>
    <ul class="gc-rows">
      ${rows}
    </ul>
  </section>`;
}

function endedSection(view: HomeView, now: number): Html {
  const { query, ended, counts, next, searched } = view;
  const isFiltered = query.q !== '' || query.repo !== '' || query.result !== '';
  const more = new URLSearchParams({ q: query.q, repo: query.repo, result: query.result, before: next ?? '' });
  for (const [key, value] of [...more]) if (value === '') more.delete(key);
  return html`<section class="pf-v6-c-card gc-card" aria-labelledby="section-ended">
    <div class="gc-card-head">
      <h2 class="pf-v6-c-title pf-m-lg" id="section-ended">Finished</h2>
      <span class="gc-count" id="ended-count" data-refresh>${counts.ended}</span>
      <form class="gc-filter" method="get" action="/" role="search" aria-label="Finished runs">
        <label class="gc-hidden-text" for="q">Search</label>
        <span class="pf-v6-c-form-control gc-search"
          ><input
            type="search"
            id="q"
            name="q"
            value="${query.q}"
            maxlength="200"
            placeholder="Title, branch, commit, run id"
        /></span>
        ${view.repos.length < 2 && query.repo === '' ? '' : repoSelect(view.repos, query.repo)}
        <label class="gc-hidden-text" for="result">Result</label>
        <span class="pf-v6-c-form-control gc-select"
          ><select id="result" name="result">
            ${resultFilters.map(
              ([value, words]) =>
                html`<option value="${value}" ${value === query.result ? 'selected' : ''}>${words}</option>`,
            )}</select
          ><span class="pf-v6-c-form-control__utilities"
            ><span class="pf-v6-c-form-control__toggle-icon">${icons.down}</span></span
          ></span
        >
        <button class="pf-v6-c-button pf-m-secondary" type="submit">
          <span class="pf-v6-c-button__icon pf-m-start">${icons.search}</span
          ><span class="pf-v6-c-button__text">Show</span>
        </button>
        ${isFiltered ? html`<a class="pf-v6-c-button pf-m-link" href="/">Clear</a>` : ''}
      </form>
    </div>
    <div id="ended" data-refresh>
      ${
        ended.length === 0
          ? html`<p class="gc-none">
              ${
                isFiltered
                  ? 'No finished run fits. Clear the filter, or search for less.'
                  : 'Nothing has finished yet; what does appears here.'
              }
            </p>`
          : html`<ul class="gc-rows">
              ${ended.map((one) => runRow(one.run, one.note, now))}
            </ul>`
      }
      ${searched === null ? '' : html`<p class="gc-none">Looked at ${searched} finished runs.</p>`}
      ${
        next === null && query.before === ''
          ? ''
          : html`<nav class="gc-pager" aria-label="Pages of finished runs">
              ${query.before === '' ? '' : html`<a class="pf-v6-c-button pf-m-secondary" href="/">Newest</a>`}
              ${
                next === null
                  ? ''
                  : html`<a class="pf-v6-c-button pf-m-secondary" rel="next" href="/?${more.toString()}">Older runs</a>`
              }
            </nav>`
      }
    </div>
  </section>`;
}

function repoSelect(repos: readonly string[], chosen: string): Html {
  const all = repos.includes(chosen) || chosen === '' ? repos : [chosen, ...repos];
  return html`<label class="gc-hidden-text" for="repo">Repository</label>
    <span class="pf-v6-c-form-control gc-select"
      ><select id="repo" name="repo">
        <option value="">All repositories</option>
        ${all.map(
          (repo) => html`<option value="${repo}" ${repo === chosen ? 'selected' : ''}>${shortRepo(repo)}</option>`,
        )}</select
      ><span class="pf-v6-c-form-control__utilities"
        ><span class="pf-v6-c-form-control__toggle-icon">${icons.down}</span></span
      ></span
    >`;
}

function heldRow(one: HomeView['held'][number], now: number): Html {
  const { change, links } = one;
  const isApproval = one.kind === 'needs-approval';
  const about = { ...change, sha: change.headSha, context: '' };
  const address = links?.change ?? null;
  const title = stranger(change.title === '' ? placeOf(change) : change.title);
  return html`<li class="gc-row" data-tone="held">
    <div class="gc-row-status">${isApproval ? heldLabel : nothingLabel}</div>
    <div class="gc-row-main">
      ${
        address === null
          ? html`<span class="gc-row-title">${title}</span>`
          : html`<a class="gc-row-title" href="${address}" rel="noopener">${title}</a>`
      }
      ${metaLine(about, links)}
      <p class="gc-row-note">${stranger(one.sentence, 300)}</p>
    </div>
    <div class="gc-row-side">
      <span class="gc-row-when">by ${stranger(change.author, 40)}, ${moment(one.since, now)}</span>
      ${
        isApproval
          ? actionForm({
              label: 'Approve',
              about: cut(`${change.title} at ${change.headSha.slice(0, 10)}`, 120),
              icon: icons.approve,
              look: 'primary',
              fields: { kind: 'approve', changeKey: change.key, sha: change.headSha },
              back: '/',
            })
          : ''
      }
    </div>
  </li>`;
}

function summary(view: HomeView): Html {
  const live = view.workers.filter(({ hasLeft, lastHeardAt }) => !hasLeft && view.now - lastHeardAt < 90_000);
  const slots = live.reduce((sum, { slots: own }) => sum + own, 0);
  const busy = live.reduce((sum, { running }) => sum + running, 0);
  const { counts } = view;
  const parked = counts.deliveriesParked;
  return html`<div class="gc-summary" id="summary" data-refresh>
    <dl>
      <div>
        <dt>Running</dt>
        <dd>${counts.running + counts.offered}</dd>
      </div>
      <div>
        <dt>Waiting</dt>
        <dd>${counts.waiting}</dd>
      </div>
      <div>
        <dt>Held</dt>
        <dd>${view.held.length}</dd>
      </div>
      <div>
        <dt>Workers</dt>
        <dd>${live.length}<small>${busy} of ${slots} slots busy</small></dd>
      </div>
    </dl>
    ${
      live.length === 0 && counts.waiting > 0
        ? notice('warning', 'No worker is connected', 'Runs wait until one is. Start one with: groundcrew worker')
        : ''
    }
    ${
      parked > 0
        ? notice('danger', `${parked} deliveries could not be handled`, 'They are kept; the server log says why.')
        : ''
    }
  </div>`;
}

function notice(tone: 'warning' | 'danger', title: string, text: string): Html {
  return html`<div class="pf-v6-c-alert pf-m-inline pf-m-${tone}">
    <div class="pf-v6-c-alert__icon">${icons.broken}</div>
    <p class="pf-v6-c-alert__title">${title}</p>
    <div class="pf-v6-c-alert__description"><p>${text}</p></div>
  </div>`;
}

function firstSteps(): Html {
  return html`<section class="pf-v6-c-card gc-card">
    <div class="pf-v6-c-empty-state">
      <div class="pf-v6-c-empty-state__content">
        <div class="pf-v6-c-empty-state__header">
          <div class="pf-v6-c-empty-state__title">
            <h2 class="pf-v6-c-empty-state__title-text">Ready, and nothing to test yet</h2>
          </div>
        </div>
        <div class="pf-v6-c-empty-state__body">
          <p>Commit something to a watched repository; its run appears here at once. To try it:</p>
          <pre class="gc-command">git commit --allow-empty -m "try groundcrew"</pre>
          <p>To watch another repository:</p>
          <pre class="gc-command">groundcrew up ~/src/my-project</pre>
        </div>
      </div>
    </div>
  </section>`;
}

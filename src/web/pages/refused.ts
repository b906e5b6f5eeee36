import { html } from 'hono/html';
import type { RefusedReport } from '../../ledger/ledger-reader.ts';
import { moment, stranger, type Html } from './format.ts';

/** All that the page of refused statuses shows: the latest first, of `count` in all. */
export interface RefusedView {
  readonly now: number;
  readonly refused: readonly RefusedReport[];
  readonly count: number;
}

/** Which statuses the forge will not have, and why it says so. */
export function refusedPage({ now, refused, count }: RefusedView): Html {
  return html`<h1 class="gc-page-title pf-v6-c-title pf-m-2xl">Refused statuses</h1>
    <section class="pf-v6-c-card gc-card" id="refused" data-refresh>
      <p>
        The forge refuses these for good: it does not know the commit any more, or we may not write there. A verdict is
        tried again once a day, and each hour while its commit is the head of an open change.
      </p>
      ${
        refused.length === 0
          ? html`<p class="gc-none">There are none.</p>`
          : html`<div class="gc-scroll" role="region" aria-label="Refused statuses" tabindex="0">
              <table class="gc-table">
                <thead>
                  <tr>
                    <th>Repository</th>
                    <th>Commit</th>
                    <th>Context</th>
                    <th>When</th>
                    <th>Why</th>
                  </tr>
                </thead>
                <tbody>
                  ${refused.map((one) => row(one, now))}
                </tbody>
              </table>
            </div>`
      }
      ${count > refused.length ? html`<p class="gc-more">and ${count - refused.length} older ones</p>` : ''}
    </section>`;
}

function row({ repo, sha, context, why, refusedAt }: RefusedReport, now: number): Html {
  return html`<tr>
    <td>${stranger(repo)}</td>
    <td><code>${sha.slice(0, 12)}</code></td>
    <td>${stranger(context)}</td>
    <td>${moment(refusedAt, now)}</td>
    <td>${stranger(why)}</td>
  </tr>`;
}

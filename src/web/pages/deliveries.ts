import { html } from 'hono/html';
import type { DeliveryDay, ParkedDelivery } from '../../ledger/ledger-reader.ts';
import { moment, stranger, type Html } from './format.ts';
import { icons } from './icons.ts';

/** All that the page of deliveries shows. */
export interface DeliveriesView {
  readonly now: number;
  /** Over how many days it looks. */
  readonly span: number;
  readonly days: readonly DeliveryDay[];
  /** The latest first, at most so many. */
  readonly parked: readonly ParkedDelivery[];
  /** How many are set aside in all. */
  readonly parkedCount: number;
}

const ways = [
  ['received', 'Received', 'came by themselves'],
  ['bySweep', 'By sweep', 'never came, and were found in the delivery log of the forge'],
  ['byScan', 'By scan', 'heads and requests that a look at everything found, and no delivery told of'],
  ['missed', 'Missed', 'set aside: unreadable, or handling them failed again and again'],
] as const;

/** How events reached us, what was recovered, and what nothing followed from. */
export function deliveriesPage(view: DeliveriesView): Html {
  const { span, days } = view;
  return html`<h1 class="gc-page-title pf-v6-c-title pf-m-2xl">Deliveries</h1>
    <section class="pf-v6-c-card gc-card" aria-labelledby="section-days">
      <div class="gc-card-head">
        <h2 class="pf-v6-c-title pf-m-lg" id="section-days">The last ${span} days</h2>
      </div>
      <div id="delivery-days" data-refresh>
        ${
          days.length === 0
            ? html`<p class="gc-none">Nothing was delivered in this time.</p>`
            : html`${totals(days)}${table(days)}`
        }
      </div>
    </section>
    ${parkedSection(view)}`;
}

function totals(days: readonly DeliveryDay[]): Html {
  return html`<dl class="gc-totals">
    ${ways.map(([key, name, meaning]) => {
      const sum = days.reduce((all, day) => all + day[key], 0);
      return html`<div data-way="${key}" data-some="${sum > 0 ? 'yes' : 'no'}">
        <dt>${name}</dt>
        <dd><strong>${key === 'missed' && sum > 0 ? icons.broken : ''}${sum}</strong><span>${meaning}</span></dd>
      </div>`;
    })}
  </dl>`;
}

function table(days: readonly DeliveryDay[]): Html {
  const hasForges = new Set(days.map(({ forge }) => forge)).size > 1;
  return html`<div class="gc-scroll" role="region" aria-label="Deliveries by day" tabindex="0">
    <table class="gc-table">
      <thead>
        <tr>
          <th scope="col">Day (UTC)</th>
          ${hasForges ? html`<th scope="col">Forge</th>` : ''}
          ${ways.map(([, name]) => html`<th scope="col" class="gc-number">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${days.map(
          (day) =>
            html`<tr>
              <th scope="row">${day.day}</th>
              ${hasForges ? html`<td>${stranger(day.forge, 40)}</td>` : ''}
              ${ways.map(([key]) => html`<td class="gc-number">${day[key]}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function parkedSection({ parked, parkedCount, now }: DeliveriesView): Html {
  return html`<section class="pf-v6-c-card gc-card" aria-labelledby="section-parked">
    <div class="gc-card-head">
      <h2 class="pf-v6-c-title pf-m-lg" id="section-parked">Set aside</h2>
      <span class="gc-count" id="parked-count" data-refresh>${parkedCount}</span>
    </div>
    <div id="parked" data-refresh>
      ${
        parked.length === 0
          ? html`<p class="gc-none">Nothing is set aside.</p>`
          : html`<ul class="gc-rows">
              ${parked.map((one) => parkedRow(one, now))}
            </ul>`
      }
      ${parkedCount > parked.length ? html`<p class="gc-none">and ${parkedCount - parked.length} older ones</p>` : ''}
    </div>
  </section>`;
}

function parkedRow(one: ParkedDelivery, now: number): Html {
  const place = one.changeKey?.split('|').slice(1).join(' ') ?? 'unreadable';
  return html`<li class="gc-parked">
    <span class="gc-parked-why">${stranger(one.why, 300)}</span>
    <span class="gc-parked-about"
      >${moment(one.parkedAt, now)} · ${stranger(one.forge, 40)} · ${stranger(place, 100)} ·
      <span class="gc-mono">${stranger(one.id, 80)}</span></span
    >
  </li>`;
}

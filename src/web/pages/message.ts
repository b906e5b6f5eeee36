import { html } from 'hono/html';
import type { Html } from './format.ts';

/** A page that says one thing and shows the way back. */
export function messagePage(title: string, text: string, back: string): Html {
  return html`<section class="pf-v6-c-card gc-card">
    <div class="pf-v6-c-empty-state">
      <div class="pf-v6-c-empty-state__content">
        <div class="pf-v6-c-empty-state__header">
          <div class="pf-v6-c-empty-state__title">
            <h1 class="pf-v6-c-empty-state__title-text">${title}</h1>
          </div>
        </div>
        <div class="pf-v6-c-empty-state__body"><p>${text}</p></div>
        <div class="pf-v6-c-empty-state__footer">
          <a class="pf-v6-c-button pf-m-primary" href="${back}">Go back</a>
        </div>
      </div>
    </div>
  </section>`;
}

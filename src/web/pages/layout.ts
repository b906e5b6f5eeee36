import { html } from 'hono/html';
import type { Assets } from '../assets.ts';
import type { Html } from './format.ts';
import { iconSprite, icons, logo } from './icons.ts';

/** What every page shows around its own content. */
export interface Frame {
  readonly assets: Assets;
  readonly version: string;
  /** Where the token is found; a sentence. */
  readonly tokenHint: string;
}

/** A whole page. `title` goes first in the tab's name. */
export function layout(frame: Frame, page: { readonly title: string; readonly body: Html }): Html {
  const { assets, version, tokenHint } = frame;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} · groundcrew</title>
        <script src="${assets.href('web/client/theme.ts')}"></script>
        <link rel="stylesheet" href="${assets.href('groundcrew.css')}" />
        <link rel="icon" href="${assets.href('favicon.svg')}" type="image/svg+xml" />
        ${assets.modules.map((href) => html`<link rel="modulepreload" href="${href}" />`)}
        <script type="module" src="${assets.href('web/client/main.ts')}"></script>
      </head>
      <body>
        ${iconSprite}
        <div class="pf-v6-c-skip-to-content">
          <a class="pf-v6-c-button pf-m-primary" href="#main">Skip to content</a>
        </div>
        <header class="pf-v6-c-masthead pf-m-display-inline gc-masthead">
          <div class="pf-v6-c-masthead__main">
            <div class="pf-v6-c-masthead__brand">
              <a class="pf-v6-c-masthead__logo gc-brand" href="/">${logo}<span>groundcrew</span></a>
            </div>
          </div>
          <div class="pf-v6-c-masthead__content gc-masthead-content">
            <nav class="gc-nav" aria-label="Pages">
              <a href="/">Runs</a><a href="/workers">Workers</a><a href="/deliveries">Deliveries</a>
            </nav>
            <span class="gc-live" id="live" data-state="off" title="Whether this page updates by itself"
              ><span class="gc-live-dot" aria-hidden="true"></span><span id="live-text">Reload to update</span></span
            >
            <button
              class="pf-v6-c-button pf-m-plain"
              type="button"
              id="theme"
              aria-label="Switch between light and dark"
              hidden
            >
              <span class="pf-v6-c-button__icon">${icons.theme}</span>
            </button>
          </div>
        </header>
        <main id="main" tabindex="-1" class="gc-main">${page.body}</main>
        <footer class="gc-footer">
          groundcrew ${version} · <a href="/workers">workers</a> · <a href="/deliveries">deliveries</a> ·
          <a href="/metrics">metrics</a>
        </footer>
        <div id="announcer" class="gc-hidden-text" role="status" aria-live="polite"></div>
        <div id="toasts" class="gc-toasts"></div>
        <dialog id="token-dialog" class="gc-dialog" aria-labelledby="token-title">
          <form method="dialog">
            <h2 class="pf-v6-c-title pf-m-lg" id="token-title">This needs the token</h2>
            <p>Reading is open; acting is not. ${tokenHint} It is kept in this browser only.</p>
            <label class="gc-field" for="token-input">Token</label>
            <span class="pf-v6-c-form-control"
              ><input id="token-input" type="password" autocomplete="off" spellcheck="false" required
            /></span>
            <div class="gc-buttons">
              <button class="pf-v6-c-button pf-m-primary" type="submit" value="ok">Go on</button>
              <button class="pf-v6-c-button pf-m-secondary" type="submit" value="no" formnovalidate>Not now</button>
            </div>
          </form>
        </dialog>
      </body>
    </html>`;
}

/** One thing that a person can do, as a form that works with and without script. */
export function actionForm(action: {
  readonly label: string;
  /** Says what about, for those who hear the button apart from its row. */
  readonly about: string;
  readonly icon: Html;
  readonly look: 'primary' | 'secondary' | 'danger';
  readonly fields: Readonly<Record<string, string>>;
  /** Who takes it, without script and with it; absent: those who take requests about runs. */
  readonly to?: { readonly page: string; readonly api: string };
  /** Where to come back to without script. */
  readonly back: string;
}): Html {
  const look = action.look === 'danger' ? 'pf-m-secondary pf-m-danger' : `pf-m-${action.look}`;
  const { page, api } = action.to ?? { page: '/actions', api: '/api/requests' };
  return html`<form class="gc-action" method="post" action="${page}" data-api="${api}" data-action="${action.label}">
    ${Object.entries(action.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <input type="hidden" name="back" value="${action.back}" />
    <noscript
      ><label>Token <input name="token" type="password" autocomplete="off" required /></label
    ></noscript>
    <button class="pf-v6-c-button ${look}" type="submit" aria-label="${action.label}: ${action.about}">
      <span class="pf-v6-c-button__icon pf-m-start">${action.icon}</span
      ><span class="pf-v6-c-button__text">${action.label}</span>
    </button>
  </form>`;
}

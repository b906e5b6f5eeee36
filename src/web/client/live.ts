import { announce } from './announce.ts';
import { wireCopyButtons } from './copy-buttons.ts';

// Many changes in a row become one look at the server.
const quietMs = 700;
const againMs = 4000;

/** Keeps the page true: hears that something changed, fetches the page again and replaces what differs. */
export interface Live {
  /** Something changed on the server. */
  changed(): void;
  /** Another stream of this page carries the changes now; ours would be one connection too many. */
  lend(isLent: boolean): void;
  /** Shows whether the page is connected. */
  show(isConnected: boolean): void;
}

/** Starts to listen. */
export function startLive(): Live {
  let source: EventSource | null = null;
  let isLent = false;
  let wasAway = false;
  let timer: number | null = null;
  let isStale = false;

  const refresh = async (): Promise<void> => {
    isStale = false;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { Accept: 'text/html' } });
      if (answer.ok) apply(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    } catch {
      isStale = true;
    }
  };
  const changed = (): void => {
    if (document.hidden) {
      isStale = true;
      return;
    }
    timer ??= setTimeout(() => {
      timer = null;
      void refresh();
    }, quietMs);
  };
  const show = (isConnected: boolean): void => {
    const badge = document.getElementById('live');
    const text = document.getElementById('live-text');
    if (badge === null || text === null) return;
    badge.dataset['state'] = isConnected ? 'on' : 'away';
    text.textContent = isConnected ? 'Live' : 'Reconnecting';
    if (isConnected && wasAway) changed();
    wasAway = !isConnected;
  };
  const listen = (): void => {
    if (source !== null || isLent) return;
    const opened = new EventSource('/events');
    source = opened;
    opened.addEventListener('open', () => show(true));
    opened.addEventListener('changed', changed);
    opened.addEventListener('error', () => {
      if (source !== opened) return;
      show(false);
      if (opened.readyState !== EventSource.CLOSED) return;
      source = null;
      setTimeout(listen, againMs);
    });
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && isStale) changed();
  });
  // A page that the browser kept for "back" has missed what happened meanwhile.
  addEventListener('pageshow', (event) => {
    if (event.persisted) changed();
  });
  listen();
  return {
    changed,
    show,
    lend(lent) {
      isLent = lent;
      if (!lent) listen();
      else {
        source?.close();
        source = null;
      }
    },
  };
}

const seen = new Map<string, string>();

function apply(fresh: Document): void {
  const parts = [...fresh.querySelectorAll<HTMLElement>('[data-refresh]')];
  const log = document.getElementById('log');
  const freshLog = fresh.getElementById('log');
  const isPinned = new URLSearchParams(location.search).has('attempt');
  const isNewShape =
    parts.some(({ id }) => document.getElementById(id) === null) || (freshLog === null) !== (log === null);
  if (isNewShape || (!isPinned && freshLog?.dataset['attempt'] !== log?.dataset['attempt'])) {
    location.reload();
    return;
  }
  const before = stands(document);
  for (const part of parts) replace(part);
  // What is gone from the page (an approval that was given) goes here too.
  for (const old of document.querySelectorAll<HTMLElement>('[data-refresh]')) {
    if (!parts.some(({ id }) => id === old.id)) old.remove();
  }
  sayChanges(before, stands(document));
}

function replace(part: HTMLElement): void {
  const old = document.getElementById(part.id);
  const text = part.outerHTML;
  if (old === null || seen.get(part.id) === text) return;
  seen.set(part.id, text);
  const focused = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
  const open = [...old.querySelectorAll<HTMLDetailsElement>('details[open]')].map(({ id }) => id);
  const fresh = document.importNode(part, true);
  old.replaceWith(fresh);
  for (const id of open) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute('open', '');
  wireCopyButtons(fresh);
  if (focused === null) return;
  const again = [...fresh.querySelectorAll<HTMLElement>('a, button, summary')].find((one) => keyOf(one) === focused);
  // The thing itself may be gone; then the reader stays in the same part of the page.
  (again ?? document.getElementById('main'))?.focus({ preventScroll: true });
}

function keyOf(element: Element | null): string | null {
  if (element === null) return null;
  return `${element.tagName} ${element.getAttribute('href') ?? ''} ${element.getAttribute('aria-label') ?? ''} ${element.id}`;
}

/** Title and state of every run that the page shows. */
function stands(root: ParentNode): Map<string, { readonly title: string; readonly state: string }> {
  const found = new Map<string, { readonly title: string; readonly state: string }>();
  for (const row of root.querySelectorAll<HTMLElement>('.gc-row[id], #run-head')) {
    const title = row.querySelector('.gc-row-title, h1')?.textContent.trim() ?? '';
    found.set(row.id, { title, state: row.querySelector('.gc-status')?.textContent.trim() ?? '' });
  }
  return found;
}

function sayChanges(before: ReturnType<typeof stands>, after: ReturnType<typeof stands>): void {
  const said: string[] = [];
  for (const [id, { title, state }] of after) {
    const old = before.get(id);
    if (old?.state !== state && said.length < 3) said.push(`${title.slice(0, 80)}: ${state}`);
  }
  if (said.length > 0) announce(said.join('. '));
}

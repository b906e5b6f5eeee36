import { html } from 'hono/html';
import type { RunSummary } from '../../ledger/ledger-reader.ts';

/** What templates give: escaped HTML, or the promise of it. */
export type Html = ReturnType<typeof html>;

/** A moment, relative for reading and exact in the title; the page keeps it current. */
export function moment(at: number | null, now: number): Html {
  if (at === null) return html`<span>–</span>`;
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" title="${exactTime(at)}" data-relative>${relativeTime(at, now)}</time>`;
}

/** How long something takes or took; counts on while it lasts. */
export function lasting(from: number | null, to: number | null, now: number): Html {
  if (from === null) return html`<span>–</span>`;
  if (to !== null) return html`<span>${duration(to - from)}</span>`;
  return html`<span data-since="${from}">${duration(now - from)}</span>`;
}

/** `2026-11-22 14:05:09 UTC`. */
export function exactTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `just now`, `3 min ago`, `2 h ago`, `5 days ago`, then the date. The browser has the same in `client/times.ts`. */
export function relativeTime(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 14 * 86_400) return `${Math.floor(seconds / 86_400)} days ago`;
  return new Date(at).toISOString().slice(0, 10);
}

/** `0.4 s`, `42 s`, `3 min 5 s`, `2 h 4 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${Math.round(seconds * 10) / 10} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** `512 B`, `14 kB`, `3.2 MB`: decimal units, as disks and browsers count. */
export function byteSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit] ?? ''}`;
}

/** The last part of a path or address; `owner/name` stays whole. */
export function shortRepo(repo: string): string {
  if (/^[\w.-]+\/[\w.-]+$/.test(repo)) return repo;
  const name = repo
    .replace(/[/\\]+$/, '')
    .replace(/\.git$/, '')
    .split(/[/\\:]/)
    .at(-1);
  return name === undefined || name === '' ? repo : cut(name, 60);
}

/** At most `most` characters, with an ellipsis; never half a character. */
export function cut(text: string, most: number): string {
  const chars = Array.from(text.slice(0, most * 2));
  return chars.length <= most && text.length <= most * 2 ? text : `${chars.slice(0, most - 1).join('')}…`;
}

/** Untrusted text on one line: isolated, so that its direction and length disturb nothing else. */
export function stranger(text: string, most = 200): Html {
  const shown = cut(text, most);
  return shown === text ? html`<bdi>${text}</bdi>` : html`<bdi title="${cut(text, 2000)}">${shown}</bdi>`;
}

/** What names the place of a run for people: `#7` or the branch. */
export function placeOf(run: Pick<RunSummary, 'pull' | 'branch'>): string {
  return run.pull === null ? (run.branch ?? '') : `#${run.pull}`;
}

import type { LogAddress } from './log-block.ts';
import { clearWords, searchLog, type Found } from './log-search.ts';

/** What the search box needs of the log. */
export interface Searchable {
  goToLine(line: number): Promise<void>;
  setQuery(query: string): void;
  topLine(): number;
}

/** Enter searches, then goes from match to match; Shift+Enter goes back; `:120` goes to a line; Escape ends it. */
export function wireLogSearch(log: Searchable, address: LogAddress): void {
  const form = document.getElementById('log-search');
  const input = document.getElementById('log-query');
  const told = document.getElementById('log-found');
  if (!(form instanceof HTMLFormElement) || !(input instanceof HTMLInputElement) || told === null) return;
  let query = '';
  let found: Found = { lines: [], isDone: true, part: 1 };
  let at = -1;
  let searching = new AbortController();

  const tell = (): void => {
    const { lines, isDone, part } = found;
    const place = at >= 0 ? `${at + 1} of ` : '';
    if (query === '') told.textContent = '';
    else if (lines.length === 0) told.textContent = isDone ? 'Not found' : `Searching, ${Math.floor(part * 100)} %`;
    else told.textContent = `${place}${lines.length}${isDone ? '' : `+, ${Math.floor(part * 100)} %`}`;
  };
  const show = (index: number): void => {
    const line = found.lines[index];
    if (line === undefined) return;
    at = index;
    tell();
    void log.goToLine(line).then(() => {
      for (const old of document.querySelectorAll('.gc-hit-now')) old.classList.remove('gc-hit-now');
      document.getElementById(`L${line}`)?.classList.add('gc-hit-now');
    });
  };
  const step = (by: 1 | -1): void => {
    const count = found.lines.length;
    if (count > 0) show((at + by + count) % count);
  };
  const end = (): void => {
    searching.abort();
    query = '';
    at = -1;
    found = { lines: [], isDone: true, part: 1 };
    clearWords();
    log.setQuery('');
    tell();
  };
  const search = async (text: string): Promise<void> => {
    end();
    query = text;
    searching = new AbortController();
    const { signal } = searching;
    const top = log.topLine();
    log.setQuery(text);
    tell();
    try {
      await searchLog(address, text, signal, (news) => {
        if (signal.aborted) return;
        found = news;
        const after = news.lines.findIndex((line) => line >= top);
        if (at < 0 && (after >= 0 || news.isDone)) show(Math.max(0, after));
        tell();
      });
    } catch {
      if (!signal.aborted) told.textContent = 'The search failed; try again';
    }
  };
  const enter = (isBack: boolean): void => {
    const text = input.value;
    const line = /^:(\d{1,15})$/.exec(text)?.[1];
    if (line !== undefined) void log.goToLine(Math.max(1, Number(line)));
    else if (text === '') end();
    else if (text !== query) void search(text);
    else step(isBack ? -1 : 1);
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    enter(false);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.shiftKey) {
      event.preventDefault();
      enter(true);
    } else if (event.key === 'Escape') {
      input.value = '';
      end();
      document.getElementById('log')?.focus();
    }
  });
  document.getElementById('log-next')?.addEventListener('click', () => enter(false));
  document.getElementById('log-previous')?.addEventListener('click', () => enter(true));
}

import type { LogAddress } from './log-block.ts';

const mostMatches = 20_000;

/** What a search has found so far. `total` grows until `isDone`. */
export interface Found {
  readonly lines: readonly number[];
  readonly isDone: boolean;
  /** How much of the log was looked at, 0 to 1. */
  readonly part: number;
}

/** Looks through the whole log on the server, in steps, and tells after each; stops when `signal` aborts. */
export async function searchLog(
  address: LogAddress,
  text: string,
  signal: AbortSignal,
  onFound: (found: Found) => void,
): Promise<void> {
  const lines: number[] = [];
  let from: number | null = 0;
  while (from !== null && !signal.aborted) {
    const query: URLSearchParams = new URLSearchParams({ attempt: address.attempt, q: text, from: String(from) });
    const answer: Response = await fetch(`${address.base}/search?${query.toString()}`, { signal });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    const step = (await answer.json()) as { lines: number[]; nextByte: number | null; totalBytes: number };
    for (const line of step.lines) if (lines.at(-1) !== line) lines.push(line);
    from = lines.length >= mostMatches ? null : step.nextByte;
    const part = from === null ? 1 : from / Math.max(1, step.totalBytes);
    onFound({ lines, isDone: from === null, part });
  }
}

/** Marks the words in these rows; whole rows too, for browsers without highlights. */
export function markRows(rows: Iterable<HTMLElement>, text: string): void {
  const wanted = text.toLowerCase();
  for (const row of rows) {
    const isHit = wanted !== '' && row.textContent.toLowerCase().includes(wanted);
    row.classList.toggle('gc-hit', isHit);
    if (isHit) markWords(row, wanted);
  }
}

/** Forgets all marked words. */
export function clearWords(): void {
  words()?.clear();
}

function markWords(row: HTMLElement, wanted: string): void {
  const highlight = words();
  if (highlight === null) return;
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const content = (node.nodeValue ?? '').toLowerCase();
    for (let at = content.indexOf(wanted); at >= 0; at = content.indexOf(wanted, at + wanted.length)) {
      const range = new StaticRange({
        startContainer: node,
        startOffset: at,
        endContainer: node,
        endOffset: Math.min(at + wanted.length, node.nodeValue?.length ?? 0),
      });
      highlight.add(range);
    }
  }
}

function words(): Highlight | null {
  // Older browsers have none, whatever the type says.
  if (!('highlights' in CSS)) return null;
  const known = CSS.highlights.get('gc-found');
  if (known !== undefined) return known;
  const made = new Highlight();
  CSS.highlights.set('gc-found', made);
  return made;
}

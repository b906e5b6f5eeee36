import { announce } from './announce.ts';
import type { Live } from './live.ts';
import { fetchBlock, type LogAddress, type LogBlock, type Place } from './log-block.ts';
import { wireLogKeys } from './log-keys.ts';
import { LogLines } from './log-lines.ts';
import { wireLogSearch } from './log-search-box.ts';
import { markRows } from './log-search.ts';
import { openTail, type TailNews } from './log-tail.ts';
import { LogWindow } from './log-window.ts';

// Begin to fetch before the reader sees the edge.
const edgePixels = 800;
const bottomPixels = 24;
const contextLines = 100;

/** Shows the log of this page's run, if it has one. */
export function openLogView(live: Live): void {
  const scroller = document.getElementById('log');
  const list = document.getElementById('log-lines');
  if (scroller === null || list === null) return;
  const { base, attempt } = scroller.dataset;
  if (base === undefined || attempt === undefined) return;
  new LogView(scroller, list, { base, attempt }, live).start();
}

/**
 * One log. Modes: *attached* (the window holds the end, and while the log grows a stream brings more) and *away* (the
 * window is somewhere else, blocks come as the reader scrolls). *Following* is attached, with the view kept at the end.
 */
export class LogView {
  readonly #scroller: HTMLElement;
  readonly #window: LogWindow;
  readonly #address: LogAddress;
  readonly #live: Live;
  readonly #lines: LogLines;
  #tail: { close(): void } | null = null;
  #totalBytes = 0;
  #totalLines = 0;
  #isGrowing = false;
  #isFollowing = false;
  #loading: Promise<LogBlock | null> | null = null;
  #query = '';
  #lastScrollTop = 0;

  constructor(scroller: HTMLElement, list: HTMLElement, address: LogAddress, live: Live) {
    this.#scroller = scroller;
    this.#address = address;
    this.#live = live;
    this.#window = new LogWindow(list, scroller, (rows) => {
      if (this.#query !== '') markRows(rows, this.#query);
      this.#lines.mark(rows);
    });
    this.#lines = new LogLines(list, this.#window, (line) => void this.goToLine(line));
  }

  /** Shows the line of the address, or the end of what runs or failed, or the start. */
  start(): void {
    const tools = document.getElementById('log-tools');
    if (tools !== null) tools.hidden = false;
    this.#button('log-start', () => void this.goToStart());
    this.#button('log-end', () => void this.goToEnd());
    this.#button('log-follow', () => this.toggleFollow());
    this.#button('log-wrap', () => this.toggleWrap());
    wireLogSearch(this, this.#address);
    wireLogKeys(this, this.#scroller);
    this.#scroller.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    const { live, failed } = this.#scroller.dataset;
    const follow = document.getElementById('log-follow');
    if (follow !== null) follow.hidden = live !== '1';
    const line = this.#lines.wanted();
    this.#isFollowing = live === '1' && line === null;
    if (line !== null) void this.goToLine(line);
    else if (live === '1' || failed === '1') void this.goToEnd();
    else void this.goToStart();
  }

  async goToStart(): Promise<void> {
    this.#setFollow(false);
    await this.#jump({ from: 0 });
    this.#scroller.scrollTop = 0;
    await this.#fill();
  }

  async goToEnd(): Promise<void> {
    await this.#jump({});
    await this.#fillAbove();
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    if (this.#isGrowing) this.#setFollow(true);
  }

  /** Shows a line in the middle of the view; the last one when there are fewer. */
  async goToLine(line: number): Promise<void> {
    this.#setFollow(false);
    if (this.#window.rowOf(line) === null) await this.#jump({ line });
    // Room on both sides, so that the line can stand in the middle.
    if (line > this.#window.lastLine - contextLines) await this.#loadAfter();
    if (line < this.#window.firstLine + contextLines && this.#window.startByte > 0) await this.#loadBefore();
    const row = this.#window.rowOf(Math.min(line, Math.max(1, this.#totalLines)));
    row?.scrollIntoView({ block: 'center' });
    this.#lines.mark(this.#window.rows());
  }

  toggleFollow(): void {
    if (this.#isFollowing) this.#setFollow(false);
    else void this.goToEnd();
  }

  toggleWrap(): void {
    const isWrapped = !this.#scroller.classList.toggle('gc-nowrap');
    document.getElementById('log-wrap')?.setAttribute('aria-pressed', String(isWrapped));
  }

  /** Marks the text wherever it is shown. */
  setQuery(query: string): void {
    this.#query = query;
    markRows(this.#window.rows(), query);
  }

  /** The first line that is in view. */
  topLine(): number {
    const top = this.#scroller.getBoundingClientRect().top;
    const row = this.#window.rows().find((one) => one.id !== '' && one.getBoundingClientRect().bottom > top);
    return row === undefined ? 1 : Number(row.id.slice(1));
  }

  #button(id: string, act: () => void): void {
    document.getElementById(id)?.addEventListener('click', act);
  }

  async #jump(place: Place): Promise<void> {
    this.#detach();
    // Wait for a block that is on its way: it belongs to the window as it is now.
    while (this.#loading !== null) await this.#loading;
    const block = await this.#fetch(place);
    if (block === null) return;
    this.#window.reset(block);
    this.#lastScrollTop = 0;
    this.#attachAtEnd();
    this.#showPlace();
  }

  /** Fetches upwards until the view is full or the log begins. */
  async #fillAbove(): Promise<void> {
    for (let tries = 0; tries < 4 && this.#window.startByte > 0; tries += 1) {
      if (this.#window.rowCount > 500) return;
      await this.#loadBefore();
    }
  }

  async #fill(): Promise<void> {
    for (let tries = 0; tries < 4 && this.#window.endByte < this.#totalBytes; tries += 1) {
      if (this.#window.rowCount > 500) return;
      await this.#loadAfter();
    }
  }

  async #loadBefore(): Promise<void> {
    const block = await this.#fetch({ before: this.#window.startByte });
    if (block === null) return;
    this.#window.prepend(block);
    if (this.#window.trimBottom()) this.#detach();
    this.#lastScrollTop = this.#scroller.scrollTop;
    this.#showPlace();
  }

  async #loadAfter(): Promise<void> {
    if (this.#tail !== null) return;
    const block = await this.#fetch({ from: this.#window.endByte });
    if (block?.startByte !== this.#window.endByte) return;
    this.#window.append(block.bytes);
    this.#window.trimTop(false);
    this.#lastScrollTop = this.#scroller.scrollTop;
    this.#attachAtEnd();
    this.#showPlace();
  }

  /** One block at a time; null when another is on its way or the server gives none. */
  async #fetch(place: Place): Promise<LogBlock | null> {
    if (this.#loading !== null) return null;
    this.#loading = this.#fetchNow(place);
    try {
      return await this.#loading;
    } finally {
      this.#loading = null;
    }
  }

  async #fetchNow(place: Place): Promise<LogBlock | null> {
    this.#scroller.setAttribute('aria-busy', 'true');
    try {
      const block = await fetchBlock(this.#address, place);
      this.#totalBytes = block.totalBytes;
      this.#totalLines = block.totalLines;
      this.#isGrowing = block.isGrowing;
      return block;
    } catch {
      const shown = document.getElementById('log-place');
      if (shown !== null) shown.textContent = 'The log could not be read; reload to try again.';
      announce('The log could not be read. Reload the page to try again.');
      return null;
    } finally {
      this.#scroller.removeAttribute('aria-busy');
    }
  }

  #attachAtEnd(): void {
    if (this.#tail !== null || !this.#isGrowing || this.#window.endByte < this.#totalBytes) return;
    this.#live.lend(true);
    this.#tail = openTail(this.#address, this.#window.endByte, {
      onNews: (news) => this.#onNews(news),
      onChanged: () => this.#live.changed(),
      onConnected: (isConnected) => this.#live.show(isConnected),
      onRefused: () => {
        this.#detach();
        this.#attachAtEnd();
      },
      onEnd: () => {
        this.#isGrowing = false;
        this.#detach();
        this.#setFollow(false);
        this.#live.changed();
        this.#showPlace();
      },
    });
  }

  #detach(): void {
    if (this.#tail === null) return;
    this.#tail.close();
    this.#tail = null;
    this.#live.lend(false);
  }

  #onNews({ bytes, skippedBytes, skippedLines }: TailNews): void {
    if (skippedBytes > 0 && !this.#isFollowing) {
      // Somebody reads further up: let the end go rather than what they read. It is fetched when they come to it.
      this.#totalBytes = this.#window.endByte + skippedBytes + bytes.length;
      this.#detach();
      this.#showPlace();
      return;
    }
    if (skippedBytes > 0) {
      const startByte = this.#window.endByte + skippedBytes;
      const firstLine = this.#window.nextLine + skippedLines;
      this.#window.reset({ bytes, startByte, firstLine, isMidLine: false });
    } else this.#window.append(bytes);
    this.#totalBytes = this.#window.endByte;
    this.#totalLines = this.#window.lastLine;
    if (this.#isFollowing) {
      this.#window.trimTop(true);
      this.#scroller.scrollTop = this.#scroller.scrollHeight;
    } else if (this.#window.isFull) this.#detach();
    this.#lastScrollTop = this.#scroller.scrollTop;
    this.#showPlace();
  }

  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isUp = scrollTop < this.#lastScrollTop - 2;
    this.#lastScrollTop = scrollTop;
    const below = scrollHeight - clientHeight - scrollTop;
    if (this.#isFollowing && isUp && below > bottomPixels) this.#setFollow(false);
    if (!this.#isFollowing && below <= bottomPixels && this.#tail !== null && !isUp) this.#setFollow(true);
    if (this.#loading !== null) return;
    if (scrollTop < edgePixels && isUp && this.#window.startByte > 0) void this.#loadBefore();
    else if (below < edgePixels && !isUp && this.#window.endByte < this.#totalBytes) void this.#loadAfter();
    else if (below < edgePixels && !isUp && this.#isGrowing && this.#tail === null) void this.#loadAfter();
  }

  #setFollow(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    document.getElementById('log-follow')?.setAttribute('aria-pressed', String(isFollowing));
  }

  #showPlace(): void {
    const place = document.getElementById('log-place');
    if (place === null) return;
    const total = Math.max(this.#totalLines, this.#window.lastLine);
    const count = (value: number): string => value.toLocaleString('en');
    if (total === 0) place.textContent = this.#isGrowing ? 'waiting for the first line' : 'the log is empty';
    else if (this.#window.rowCount < total && (this.#window.startByte > 0 || this.#window.endByte < this.#totalBytes)) {
      place.textContent = `lines ${count(this.#window.firstLine)}–${count(this.#window.lastLine)} of ${count(total)}`;
    } else place.textContent = `${count(total)} ${total === 1 ? 'line' : 'lines'}`;
  }
}

import type { LogWindow } from './log-window.ts';

/** The lines that the address names: `#L120` or `#L120-L130`. */
export class LogLines {
  readonly #window: LogWindow;
  #from = 0;
  #to = 0;

  constructor(list: HTMLElement, window: LogWindow, go: (line: number) => void) {
    this.#window = window;
    this.#read();
    list.addEventListener('click', (event) => {
      const anchor = event.target instanceof Element ? event.target.closest<HTMLElement>('.gc-n') : null;
      const line = Number(anchor?.dataset['n'] ?? 0);
      if (line === 0 || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const [from, to] = event.shiftKey && this.#from > 0 ? [this.#from, line] : [line, line];
      this.#from = Math.min(from, to);
      this.#to = Math.max(from, to);
      const hash = this.#from === this.#to ? `#L${this.#from}` : `#L${this.#from}-L${this.#to}`;
      history.replaceState(history.state, '', hash);
      this.mark(this.#window.rows());
    });
    addEventListener('hashchange', () => {
      this.#read();
      if (this.#from > 0) go(this.#from);
    });
  }

  /** The line to begin with; null when the address names none. */
  wanted(): number | null {
    return this.#from === 0 ? null : this.#from;
  }

  /** Shows which of these rows are named. */
  mark(rows: readonly HTMLElement[]): void {
    for (const row of rows) {
      const line = Number(row.id.slice(1));
      row.classList.toggle('gc-named', this.#from > 0 && line >= this.#from && line <= this.#to);
    }
  }

  #read(): void {
    const match = /^#L([1-9]\d{0,14})(?:-L?([1-9]\d{0,14}))?$/.exec(location.hash);
    const from = Number(match?.[1] ?? 0);
    const to = Number(match?.[2] ?? from);
    this.#from = Math.min(from, to);
    this.#to = Math.max(from, to);
  }
}

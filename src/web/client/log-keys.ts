/** What the keys of a log do. */
export interface LogKeys {
  goToStart(): Promise<void>;
  goToEnd(): Promise<void>;
  toggleFollow(): void;
  toggleWrap(): void;
}

/** Keys as in `less`: g, G, f, w, / anywhere on the page but in fields; Home and End in the log. */
export function wireLogKeys(log: LogKeys, scroller: HTMLElement): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const target = event.target;
    if (target instanceof HTMLElement && target.closest('input, textarea, select, dialog') !== null) return;
    switch (event.key) {
      case '/':
        document.getElementById('log-query')?.focus();
        break;
      case 'g':
        void log.goToStart();
        break;
      case 'G':
        void log.goToEnd();
        break;
      case 'f':
        log.toggleFollow();
        break;
      case 'w':
        log.toggleWrap();
        break;
      case 'Home':
        if (document.activeElement !== scroller) return;
        void log.goToStart();
        break;
      case 'End':
        if (document.activeElement !== scroller) return;
        void log.goToEnd();
        break;
      default:
        return;
    }
    event.preventDefault();
  });
}

import type { Clock, Timer } from '../../base/clock.ts';
import { plainText } from './plain-text.ts';
import type { Terminal } from './terminal.ts';
import { truncate } from './text-width.ts';

/** One line at the bottom that is replaced while something takes its time. */
export interface Progress {
  /** What is going on now. */
  say(text: string): void;
  /** Wipes the line; afterwards other text may be written. May be called twice. */
  end(): void;
}

const patienceMs = 1000;

/** On a terminal, and only once a second has passed; else it says nothing. */
export function createProgress(terminal: Terminal, clock: Clock): Progress {
  if (!terminal.isTty) return { say: () => undefined, end: () => undefined };
  let text = '';
  let isShown = false;
  let isEnded = false;
  const show = (): void => {
    isShown = true;
    void terminal.write(`\r\u001b[2K${truncate(plainText(text), (terminal.columns() ?? 80) - 1)}`);
  };
  const timer: Timer = clock.after(patienceMs, () => {
    if (!isEnded) show();
  });
  return {
    say(next) {
      text = next;
      if (isShown && !isEnded) show();
    },
    end() {
      timer.cancel();
      if (isShown && !isEnded) void terminal.write('\r\u001b[2K');
      isEnded = true;
    },
  };
}

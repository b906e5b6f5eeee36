import { stripVTControlCharacters, styleText } from 'node:util';
import type { Writable } from 'node:stream';
import type { Environment } from '../../config/load.ts';

/** How text may look. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'magenta';

/** One of our two output streams. */
export interface Terminal {
  /** A person watches. */
  readonly isTty: boolean;
  readonly hasColour: boolean;
  /** Signs beyond ASCII may be used. */
  readonly hasUnicode: boolean;
  /** Columns now; null when nobody watches, so nothing is cut. */
  columns(): number | null;
  /** Coloured where that is wanted, else as it is. */
  paint(style: Style, text: string): string;
  /** Resolves when the reader has room for more. */
  write(chunk: string | Uint8Array): Promise<void>;
  /** `write` with a line break. */
  line(text: string): Promise<void>;
}

/** `NO_COLOR` (https://no-color.org) goes before `FORCE_COLOR`; else colour is for terminals that are not dumb. */
export function wantsColour(env: Environment, isTty: boolean): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0';
  return isTty && env['TERM'] !== 'dumb';
}

/** Wraps a stream; a reader that has gone (EPIPE) is somebody else's matter, see `main.ts`. */
export function createTerminal(
  stream: Writable & { readonly isTTY?: boolean; readonly columns?: number },
  env: Environment,
): Terminal {
  const isTty = stream.isTTY === true;
  const hasColour = wantsColour(env, isTty);
  const locale = env['LC_ALL'] ?? env['LC_CTYPE'] ?? env['LANG'] ?? '';
  const write = (chunk: string | Uint8Array): Promise<void> =>
    new Promise((resolve) => {
      if (stream.write(chunk)) resolve();
      else stream.once('drain', resolve);
    });
  return {
    isTty,
    hasColour,
    hasUnicode: !isTty || /utf-?8/i.test(locale),
    columns: () => (isTty ? Math.max(20, stream.columns ?? 80) : null),
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    write,
    line: (text) => write(`${text}\n`),
  };
}

/** Text without colours, for measuring. */
export const withoutColour = stripVTControlCharacters;

import { plainText } from './plain-text.ts';

/**
 * Makes a job's output fit for a person's terminal, piece by piece: colours (SGR) stay, everything else that steers goes:
 * cursor movement, titles, links, clipboard writes, charset shifts, C1, bidirectional marks. A lone carriage return becomes a
 * line break, so that a line cannot be painted over. Bytes that are no UTF-8 show as `�`. Memory is bounded: a sequence longer
 * than 4 kB was no sequence.
 */
export interface LogFilter {
  push(bytes: Uint8Array): string;
  /** What is left at the end, and colours off if any were on. */
  end(): string;
}

const longestSequence = 4096;

/** A new filter for one log. */
export function createLogFilter(): LogFilter {
  const decoder = new TextDecoder();
  let rest = '';
  let isColoured = false;
  const take = (text: string, isLast: boolean): string => {
    let input = rest + text;
    rest = '';
    let output = '';
    while (input !== '') {
      const escape = input.indexOf('\u001b');
      const plain = escape < 0 ? input : input.slice(0, escape);
      if (escape < 0 && !isLast && plain.endsWith('\r')) {
        // It may be half of a line end.
        rest = '\r';
        return output + lines(plain.slice(0, -1));
      }
      output += lines(plain);
      if (escape < 0) return output;
      input = input.slice(escape);
      const length = sequenceLength(input);
      if (length === null && !isLast && input.length < longestSequence) {
        rest = input;
        return output;
      }
      const sequence = input.slice(0, length ?? 1);
      if (/^\u001b\[[0-9;:]*m$/.test(sequence)) {
        output += sequence;
        isColoured = true;
      }
      input = input.slice(length ?? 1);
    }
    return output;
  };
  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true }), false),
    end: () => take(decoder.decode(), true) + (isColoured ? '\u001b[0m' : ''),
  };
}

function lines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => line.split('\t').map(plainText).join('\t'))
    .join('\n');
}

/** Length of the escape sequence that begins the text (ECMA-48); null when its end has not come yet. */
function sequenceLength(text: string): number | null {
  const second = text[1];
  if (second === undefined) return null;
  if (second === '[') {
    // Parameters and intermediates, then one final byte; anything else ends it unfinished.
    const match = /^[\u0020-\u003f]*/.exec(text.slice(2));
    const end = 2 + (match?.[0].length ?? 0);
    const final = text[end];
    if (final === undefined) return null;
    return /[@-~]/.test(final) ? end + 1 : end;
  }
  if ('P]X^_'.includes(second)) {
    // Strings end with BEL or ESC backslash; a line break means that they were never meant to.
    const end = /\u0007|\u001b\\|\n|\u009c/.exec(text.slice(2));
    if (end === null) return null;
    return 2 + end.index + (end[0] === '\n' ? 0 : end[0].length);
  }
  if (/[\u0020-\u002f]/.test(second)) return text.length < 3 ? null : 3;
  return 2;
}

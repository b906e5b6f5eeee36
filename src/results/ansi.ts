/** A colour: a palette index (0 to 255), or 24 bits as `#rrggbb`. */
export type AnsiColour = number | `#${string}`;

/** How a piece of text is shown. Colours null: the default ones. */
export interface AnsiStyle {
  readonly foreground: AnsiColour | null;
  readonly background: AnsiColour | null;
  readonly isBold: boolean;
  readonly isDim: boolean;
  readonly isItalic: boolean;
  readonly isUnderlined: boolean;
  readonly isStruck: boolean;
  readonly isInverse: boolean;
  readonly isHidden: boolean;
  /** An OSC 8 link, `http:` or `https:` only. */
  readonly link: string | null;
}

/** Text of one style, without control characters except tabs. */
export interface AnsiSpan {
  readonly text: string;
  readonly style: AnsiStyle;
}

/** One line as a terminal would show it in the end. `isCut`: it was too long and goes on in the next one. */
export interface AnsiLine {
  readonly spans: readonly AnsiSpan[];
  readonly isCut: boolean;
}

/** Text without any attribute. */
export const plainStyle: AnsiStyle = {
  foreground: null,
  background: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isStruck: false,
  isInverse: false,
  isHidden: false,
  link: null,
};

// A line longer than this is shown as several, so that one line without end cannot freeze a page.
const longestLine = 10_000;
// What a sequence may swallow before it is taken for rubbish and dropped.
const longestSequence = 4096;
const longestLink = 2048;

type Mode = 'text' | 'escape' | 'intermediate' | 'csi' | 'osc' | 'string';

/**
 * Turns a job's output into lines of styled text, keeping its state over chunks. Understood: SGR with 256 and 24-bit
 * colours, carriage return, backspace and erase-in-line (progress bars), OSC 8 links. Every other control character and
 * sequence is dropped. What comes out is data; nothing of the input can become markup or reach a terminal.
 */
export class AnsiReader {
  #mode: Mode = 'text';
  #sequence = '';
  #style: AnsiStyle = plainStyle;
  #chars: string[] = [];
  #styles: AnsiStyle[] = [];
  #column = 0;

  /** Takes more output; gives the lines that it completed. */
  write(text: string): AnsiLine[] {
    const lines: AnsiLine[] = [];
    for (const char of text) {
      if (this.#mode === 'text') this.#text(char, lines);
      else if (char === '\n') {
        // No sequence of ours crosses a line: an unfinished one must not swallow the rest of the log.
        this.#mode = 'text';
        this.#text(char, lines);
      } else this.#inSequence(char);
    }
    return lines;
  }

  /** The line that is not complete yet, as it looks now. */
  pending(): AnsiLine {
    return { spans: this.#spans(), isCut: false };
  }

  /** True when the unfinished line shows nothing. */
  isAtLineStart(): boolean {
    return this.#chars.length === 0;
  }

  #text(char: string, lines: AnsiLine[]): void {
    const code = char.codePointAt(0) ?? 0;
    if (char === '\n') this.#endLine(lines, false);
    else if (char === '\r') this.#column = 0;
    else if (char === '\b') this.#column = Math.max(0, this.#column - 1);
    else if (char === '\u001b') this.#begin('escape');
    else if (code === 0x9b) this.#begin('csi');
    else if (code === 0x9d) this.#begin('osc');
    else if (code === 0x90 || code === 0x98 || code === 0x9e || code === 0x9f) this.#begin('string');
    else if (char === '\t' || !isControl(code)) this.#put(char, lines);
  }

  #put(char: string, lines: AnsiLine[]): void {
    if (this.#column >= longestLine) this.#endLine(lines, true);
    this.#chars[this.#column] = char;
    this.#styles[this.#column] = this.#style;
    this.#column += 1;
  }

  #endLine(lines: AnsiLine[], isCut: boolean): void {
    lines.push({ spans: this.#spans(), isCut });
    this.#chars = [];
    this.#styles = [];
    this.#column = 0;
  }

  #begin(mode: Mode): void {
    this.#mode = mode;
    this.#sequence = '';
  }

  #inSequence(char: string): void {
    const code = char.codePointAt(0) ?? 0;
    if (char === '\u0018' || char === '\u001a' || this.#sequence.length >= longestSequence) {
      this.#mode = 'text';
      return;
    }
    switch (this.#mode) {
      case 'escape':
        if (char === '[') this.#begin('csi');
        else if (char === ']') this.#begin('osc');
        else if ('PX^_'.includes(char)) this.#begin('string');
        else if (code >= 0x20 && code <= 0x2f) this.#mode = 'intermediate';
        else if (char !== '\u001b') this.#mode = 'text';
        return;
      case 'intermediate':
        if (char === '\u001b') this.#begin('escape');
        else if (code >= 0x30) this.#mode = 'text';
        return;
      case 'csi':
        if (char === '\u001b') this.#begin('escape');
        else if (code >= 0x40 && code <= 0x7e) {
          this.#mode = 'text';
          this.#control(char, this.#sequence);
        } else if (code >= 0x20) this.#sequence += char;
        return;
      case 'osc':
      case 'string':
        if (char === '\u0007' || code === 0x9c) this.#endString();
        else if (this.#sequence.endsWith('\u001b')) {
          // ESC ends the string; only a backslash belongs to the terminator.
          this.#sequence = this.#sequence.slice(0, -1);
          if (char === '\\') this.#endString();
          else {
            this.#begin('escape');
            this.#inSequence(char);
          }
        } else this.#sequence += char;
        return;
      case 'text':
        return;
    }
  }

  #endString(): void {
    const link = this.#mode === 'osc' ? /^8;[^;]*;(.*)$/s.exec(this.#sequence)?.[1] : undefined;
    if (link !== undefined) this.#style = { ...this.#style, link: safeLink(link) };
    this.#mode = 'text';
  }

  #control(final: string, parameters: string): void {
    // Private sequences (`?`, `>` …) and those with intermediates mean something else.
    if (!/^[\d;:]*$/.test(parameters)) return;
    if (final === 'm') this.#style = applySgr(this.#style, parameters);
    else if (final === 'K') this.#erase(parameters);
  }

  #erase(parameters: string): void {
    if (parameters === '' || parameters === '0') {
      this.#chars.length = Math.min(this.#chars.length, this.#column);
      this.#styles.length = this.#chars.length;
    } else if (parameters === '1') {
      const to = Math.min(this.#column + 1, this.#chars.length);
      this.#chars.fill(' ', 0, to);
      this.#styles.fill(plainStyle, 0, to);
    } else if (parameters === '2') {
      this.#chars = [];
      this.#styles = [];
    }
  }

  #spans(): AnsiSpan[] {
    const spans: AnsiSpan[] = [];
    let text = '';
    let style: AnsiStyle = plainStyle;
    for (let at = 0; at < this.#chars.length; at += 1) {
      const next = this.#styles[at] ?? plainStyle;
      if (next !== style && text !== '') {
        spans.push({ text, style });
        text = '';
      }
      style = next;
      // A hole: the cursor stood behind the end when the line was erased.
      text += this.#chars[at] ?? ' ';
    }
    if (text !== '') spans.push({ text, style });
    return spans;
  }
}

/**
 * Characters that are no text: C0, DEL, C1, and those that reorder what stands around them, by which a log could show
 * something else than it says.
 */
function isControl(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0xfeff
  );
}

function safeLink(address: string): string | null {
  return address.length <= longestLink && /^https?:\/\/[!-~]+$/i.test(address) ? address : null;
}

/** Applies the parameters of `CSI … m`; what is not understood changes nothing. */
function applySgr(style: AnsiStyle, parameters: string): AnsiStyle {
  const next: { -readonly [Key in keyof AnsiStyle]: AnsiStyle[Key] } = { ...style };
  // Both `38;2;r;g;b` and `38:2::r:g:b` are in use; a colon group belongs together.
  const groups = parameters
    .split(';')
    .map((group) => group.split(':').map((digits) => Number(digits === '' ? 0 : digits)));
  for (let at = 0; at < groups.length; at += 1) {
    const group = groups[at] ?? [];
    const code = group[0] ?? 0;
    if (code === 38 || code === 48 || code === 58) {
      const rest = group.length > 1 ? group.slice(1) : groups.slice(at + 1, at + 5).map(([first]) => first ?? 0);
      const colour = group.length > 1 ? colonColour(rest) : plainColour(rest);
      if (group.length === 1) at += rest[0] === 2 ? 4 : rest[0] === 5 ? 2 : 0;
      if (colour !== null && code === 38) next.foreground = colour;
      if (colour !== null && code === 48) next.background = colour;
    } else if (code === 4) next.isUnderlined = group[1] !== 0;
    else applyCode(next, code);
  }
  return next;
}

function applyCode(next: { -readonly [Key in keyof AnsiStyle]: AnsiStyle[Key] }, code: number): void {
  if (code === 0) Object.assign(next, { ...plainStyle, link: next.link });
  else if (code === 1) next.isBold = true;
  else if (code === 2) next.isDim = true;
  else if (code === 3) next.isItalic = true;
  else if (code === 7) next.isInverse = true;
  else if (code === 8) next.isHidden = true;
  else if (code === 9) next.isStruck = true;
  else if (code === 21) next.isUnderlined = true;
  else if (code === 22) next.isBold = next.isDim = false;
  else if (code === 23) next.isItalic = false;
  else if (code === 24) next.isUnderlined = false;
  else if (code === 27) next.isInverse = false;
  else if (code === 28) next.isHidden = false;
  else if (code === 29) next.isStruck = false;
  else if (code >= 30 && code <= 37) next.foreground = code - 30;
  else if (code === 39) next.foreground = null;
  else if (code >= 40 && code <= 47) next.background = code - 40;
  else if (code === 49) next.background = null;
  else if (code >= 90 && code <= 97) next.foreground = code - 90 + 8;
  else if (code >= 100 && code <= 107) next.background = code - 100 + 8;
}

function plainColour([kind, a = 0, b = 0, c = 0]: readonly number[]): AnsiColour | null {
  if (kind === 5) return a <= 255 ? a : null;
  return kind === 2 ? rgb(a, b, c) : null;
}

function colonColour([kind, ...values]: readonly number[]): AnsiColour | null {
  // `2:<colour space>:r:g:b`, or without the colour space as some programs write it.
  const [r = 0, g = 0, b = 0] = kind === 2 && values.length > 3 ? values.slice(1) : values;
  return plainColour([kind ?? 0, r, g, b]);
}

function rgb(...parts: readonly number[]): AnsiColour | null {
  if (parts.some((part) => part > 255)) return null;
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

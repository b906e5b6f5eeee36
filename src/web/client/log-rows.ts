import type { AnsiColour, AnsiLine, AnsiSpan } from '../../results/ansi.ts';

/**
 * One line of a log as an element. Only text nodes are made of what the job wrote. `number` null: it goes on from the line
 * above it.
 */
export function lineElement(line: AnsiLine, number: number | null): HTMLLIElement {
  const row = document.createElement('li');
  row.className = 'gc-line';
  const anchor = document.createElement('a');
  anchor.className = 'gc-n';
  // Thousands of stops would bury what follows the log; `:120` in the search box reaches a line by keyboard.
  anchor.tabIndex = -1;
  if (number !== null) {
    row.id = `L${number}`;
    anchor.href = `#L${number}`;
    anchor.dataset['n'] = String(number);
    anchor.setAttribute('aria-label', `Line ${number}`);
  }
  const text = document.createElement('span');
  text.className = 'gc-t';
  fillLine(text, line);
  row.append(anchor, text);
  return row;
}

/** Shows the line in place of what the element showed. */
export function fillLine(place: HTMLElement, line: AnsiLine): void {
  place.replaceChildren(...line.spans.map(spanNode));
}

function spanNode({ text, style }: AnsiSpan): Node {
  const classes: string[] = [];
  if (style.isBold) classes.push('gc-bold');
  if (style.isDim) classes.push('gc-dim');
  if (style.isItalic) classes.push('gc-italic');
  if (style.isUnderlined) classes.push('gc-under');
  if (style.isStruck) classes.push('gc-struck');
  if (style.isHidden) classes.push('gc-conceal');
  const foreground = style.isInverse ? (style.background ?? 'page') : style.foreground;
  const background = style.isInverse ? (style.foreground ?? 'text') : style.background;
  if (classes.length === 0 && foreground === null && background === null && style.link === null) {
    return document.createTextNode(text);
  }
  const element = style.link === null ? document.createElement('span') : linkElement(style.link);
  if (foreground !== null) paint(element, 'fg', foreground, classes);
  if (background !== null) paint(element, 'bg', background, classes);
  element.className = classes.join(' ');
  element.append(text);
  return element;
}

function linkElement(address: string): HTMLElement {
  const link = document.createElement('a');
  // The tokenizer lets only http and https through.
  link.href = address;
  link.title = address;
  link.target = '_blank';
  link.rel = 'noopener noreferrer nofollow';
  return link;
}

function paint(element: HTMLElement, side: 'fg' | 'bg', colour: AnsiColour | 'page' | 'text', classes: string[]): void {
  if (colour === 'page' || colour === 'text' || (typeof colour === 'number' && colour < 16)) {
    classes.push(`gc-${side}-${colour}`);
    return;
  }
  // Through the object model, which the content security policy allows; a style attribute it would not.
  const value = typeof colour === 'string' ? colour : paletteColour(colour);
  if (side === 'fg') element.style.color = value;
  else element.style.backgroundColor = value;
}

/** Colours 16 to 255 of xterm: a 6×6×6 cube, then 24 greys. */
function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const cube = index - 16;
  const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40);
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}

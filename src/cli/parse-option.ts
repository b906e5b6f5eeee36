import { InvalidArgumentError } from 'commander';

// Each reads one option's text or throws commander's own error, which names the option.

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${String(least)} to ${String(most)}`);
  };
}

/** A capability or pool. */
export function label(text: string): string {
  if (/^[a-z0-9][a-z0-9:._-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('expected lower-case letters, digits and : . _ -');
}

/** Collects labels of a repeated option. */
export function labels(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), label(text)];
}

/** Collects `NAME=VALUE` of a repeated option. */
export function variables(
  text: string,
  before: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const match = /^([A-Za-z_]\w*)=([^\0]*)$/s.exec(text);
  if (match?.[1] === undefined) throw new InvalidArgumentError('expected NAME=VALUE');
  return { ...before, [match[1]]: match[2] ?? '' };
}

/** One of some words. */
export function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`expected ${words.join(', ')}`);
  };
}

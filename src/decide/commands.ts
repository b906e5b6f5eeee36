import type { PersonRequest } from '../core/request.ts';

/**
 * One command of a comment. `sha` is what was typed, at least 7 hex digits of a commit; `contexts` are names or patterns;
 * `text` the reason of a skip, or, of a mistake, what is wrong with it in one line.
 */
export type Command = Pick<PersonRequest, 'kind' | 'contexts' | 'isOnlyFailed' | 'text'> & {
  readonly sha: string | null;
};

/** Comments are read so far; GitHub takes 65,536 characters. */
export const longestComment = 64 * 1024;

/**
 * The commands of a comment (Markdown), in order; none is the usual case. A command stands at the start of a line, outside
 * of quotations, code and HTML comments. Never throws; takes time proportional to the text.
 */
export function parseCommands(body: string): readonly Command[] {
  return body.length > longestComment ? parseCommands(body.slice(0, longestComment)) : [];
}

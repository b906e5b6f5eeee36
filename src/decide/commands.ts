import { slips } from '../base/nearest.ts';
import type { PersonRequest } from '../core/request.ts';
import { plainLines } from './comment-lines.ts';

/**
 * One command of a comment. `sha` is what was typed, at least 7 hex digits of a commit; `contexts` are names or patterns;
 * `text` the reason of a skip, or, of a mistake, what is wrong with it in one line.
 */
export type Command = Pick<PersonRequest, 'kind' | 'contexts' | 'isOnlyFailed' | 'text'> & {
  readonly sha: string | null;
};

/** What is read of a comment: GitHub itself refuses one of more than 65,536 characters with 422. */
const longestComment = 64 * 1024;
const mostCommands = 10;
const mostContexts = 100;
/** Matching costs more than comparing, and a stranger may cancel. */
const mostPatterns = 10;
const longestContext = 200;
const longestReason = 200;

/** How each command is written. */
export const commandUsage = {
  test: '/test [CONTEXT…]',
  retry: '/retry [failed] [CONTEXT…]',
  cancel: '/cancel [CONTEXT…]',
  'ok-to-test': '/ok-to-test [COMMIT]',
  skip: '/skip CONTEXT REASON',
  help: '/help',
} as const;

type Word = keyof typeof commandUsage;
const words = Object.keys(commandUsage) as readonly Word[];

/**
 * The commands of a comment (Markdown), in order; none is the usual case. A command stands at the start of a line, outside
 * of quotations, code and HTML comments. A word that is nearly one of ours is a mistake; any other is somebody else's and
 * nothing to us. Never throws; takes time proportional to the text.
 */
export function parseCommands(body: string): readonly Command[] {
  const commands: Command[] = [];
  for (const line of plainLines(body.slice(0, longestComment))) {
    const found = /^\/([a-z][a-z-]{1,19})(?=\s|$)(.*)$/is.exec(line);
    if (found === null) continue;
    const command = readCommand((found[1] ?? '').toLowerCase(), found[2] ?? '');
    if (command === null) continue;
    if (commands.length === mostCommands) {
      return [...commands, mistake(`Only the first ${String(mostCommands)} commands of a comment are carried out.`)];
    }
    commands.push(command);
  }
  return commands;
}

function readCommand(typed: string, rest: string): Command | null {
  const word = words.find((known) => known === typed);
  if (word === undefined) {
    const near = nearestWord(typed);
    return near === null ? null : mistake(`There is no \`/${typed}\`. Did you mean \`${commandUsage[near]}\`?`);
  }
  const given = rest
    .split(/[\s,]+/)
    .map((part) => part.replace(/^`+|`+$/g, ''))
    .filter((part) => part !== '');
  if (word === 'help') return { kind: 'help', contexts: [], sha: null };
  if (word === 'ok-to-test') return readApproval(given);
  if (word === 'skip') return readSkip(given[0], rest);
  if (given.length > mostContexts) return mistake(`\`/${word}\` takes at most ${String(mostContexts)} contexts.`);
  if (given.filter((context) => /[*?]/.test(context)).length > mostPatterns) {
    return mistake(`\`/${word}\` takes at most ${String(mostPatterns)} patterns.`);
  }
  if (given.some((context) => context.length > longestContext)) {
    return mistake(`\`/${word}\`: no context is longer than ${String(longestContext)} characters.`);
  }
  if (word === 'retry' && given[0] === 'failed') {
    return { kind: 'retry', contexts: given.slice(1), sha: null, isOnlyFailed: true };
  }
  return { kind: word, contexts: given, sha: null };
}

function readApproval(given: readonly string[]): Command {
  const [sha, ...others] = given;
  if (sha === undefined) return { kind: 'approve', contexts: [], sha: null };
  if (others.length === 0 && /^[0-9a-f]{7,64}$/i.test(sha)) {
    return { kind: 'approve', contexts: [], sha: sha.toLowerCase() };
  }
  return mistake(
    `\`${commandUsage['ok-to-test']}\` takes at most one commit, by at least the first 7 digits of its name. Nothing was approved.`,
  );
}

function readSkip(context: string | undefined, rest: string): Command {
  const reason = rest
    .replace(/^\s*\S+\s*/, '')
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .trim()
    .toWellFormed();
  if (context === undefined || reason === '' || context.length > longestContext) {
    return mistake(`\`${commandUsage.skip}\` needs a context and a reason. Nothing was skipped.`);
  }
  const text = reason.length > longestReason ? `${reason.slice(0, longestReason - 1)}…`.toWellFormed() : reason;
  return { kind: 'skip', contexts: [context], sha: null, text };
}

function mistake(text: string): Command {
  return { kind: 'mistake', contexts: [], sha: null, text };
}

/** Ours that the word was probably meant to be: one slip away, two where the word is long. Others' bots have commands, too. */
function nearestWord(typed: string): Word | null {
  return words.find((word) => slips(typed, word) <= (word.length > 6 ? 2 : 1)) ?? null;
}

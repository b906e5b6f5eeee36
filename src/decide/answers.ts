import { commandUsage } from './commands.ts';

/** Names in one comment; GitHub refuses a comment of more than 65,536 characters. */
const mostNames = 80;
const longestShown = 100;

/** What we answer below a pull request, where a reaction does not say enough. Whatever a person typed stands in code. */
export const answers = {
  refused: (command: string): string =>
    `${code(`/${command}`)} was not carried out: only people whom this project trusts may ask for that. The author of the pull request may always use ${code('/cancel')} and ${code('/help')}; a maintainer can do the rest.`,
  unapproved: (sha: string): string =>
    `Nothing was started: commit ${code(sha.slice(0, 12))} comes from somebody whom this project does not trust yet. After reading the change, a maintainer can approve this very commit with ${code(`/ok-to-test ${sha}`)}.`,
  unknownAuthor: (sha: string): string =>
    `Nothing was started: whether the author of commit ${code(sha.slice(0, 12))} is trusted could not be found out just now. Ask again later, or, after reading the change, approve this very commit with ${code(`/ok-to-test ${sha}`)}.`,
  whichCommit: (command: string, sha: string): string =>
    `The pull request may have changed just before this comment, so nothing was done. The newest commit is ${code(sha.slice(0, 12))}: if you mean it, ${
      command === 'ok-to-test' ? `write ${code(`/ok-to-test ${sha}`)}.` : `write ${code(`/${command}`)} once more.`
    }`,
  notTheHead: (typed: string, sha: string): string =>
    `${code(typed)} is not the newest commit of this pull request, which is ${code(sha.slice(0, 12))}. Nothing was done.`,
  approvedOther: (approved: string, sha: string): string =>
    `Commit ${code(approved.slice(0, 12))} is approved. The newest commit is ${code(sha.slice(0, 12))}, and still waits.`,
  unknown: (patterns: readonly string[], contexts: readonly string[]): string =>
    `Nothing here is called ${names(patterns)}. ${there(contexts)}`,
  leftOut: (context: string, why: string): string => `${code(context)} cannot run: ${why}`,
  noneFailed: (sha: string): string => `Nothing has failed at ${code(sha.slice(0, 12))}.`,
  nothingMeant: (contexts: readonly string[]): string => `There is nothing to run without a name. ${there(contexts)}`,
  nothingToRun: (sentence: string): string => sentence,
  mistake: (text: string): string => `${text} ${code('/help')} lists everything.`,
  help: (contexts: readonly string[]): string =>
    [
      'Commands, each at the start of a line:',
      '',
      ...Object.entries(helpLines).map(([usage, what]) => `- ${code(usage)}: ${what}`),
      '',
      `A context is a name or a pattern such as ${code('fedora-*')}. ${there(contexts)}`,
    ].join('\n'),
} as const;

const helpLines: Readonly<Record<(typeof commandUsage)[keyof typeof commandUsage], string>> = {
  [commandUsage.test]: 'run these, manual ones too; without a name all that a push would run',
  [commandUsage.retry]: 'run again what ran here, or what failed',
  [commandUsage.cancel]: 'stop what waits or runs',
  [commandUsage['ok-to-test']]: 'let a stranger’s commit be tested; it counts for that commit alone',
  [commandUsage.skip]: 'this commit needs no such test; shown as a success with your reason',
  [commandUsage.help]: 'this text',
};

function there(contexts: readonly string[]): string {
  return contexts.length === 0 ? 'No context is configured for this branch.' : `There is: ${names(contexts)}.`;
}

function names(all: readonly string[]): string {
  const shown = all.slice(0, mostNames).map(code).join(', ');
  return all.length > mostNames ? `${shown} and ${String(all.length - mostNames)} more` : shown;
}

/** As code nothing is a link, a mention or markup; back-ticks would end it. */
function code(text: string): string {
  const plain = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069`]+/g, ' ')
    .trim()
    .toWellFormed();
  return `\`${plain.length > longestShown ? `${plain.slice(0, longestShown - 1)}…`.toWellFormed() : plain}\``;
}

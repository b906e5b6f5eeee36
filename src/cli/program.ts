import { Command } from 'commander';
import type { CommandContext } from './wiring.ts';
import type { ExitCode } from './exit-code.ts';
import { plainText } from './output/plain-text.ts';
import type { AddVerb } from './verbs.ts';

/**
 * The command line with these commands. `said` collects commander's complaints, one line each; `done` hears the exit status of the command
 * that ran. Only names, options and help are made here; what a command needs it imports when it runs.
 */
export function createProgram(
  verbs: readonly AddVerb[],
  context: CommandContext,
  done: (code: ExitCode) => void,
  said: string[],
): Command {
  const program = new Command('groundcrew')
    .description('CI for projects that must be tested on real operating systems.')
    .version(`groundcrew ${context.version}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError(true)
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => void context.out.write(text),
      writeErr: (text) => void context.err.write(text),
      outputError: (text) => said.push(complaint(text)),
      getOutHelpWidth: () => context.out.columns() ?? 100,
      getErrHelpWidth: () => context.err.columns() ?? 100,
      getOutHasColors: () => context.out.hasColour,
      getErrHasColors: () => context.err.hasColour,
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  groundcrew up ~/src/my-project   watch a repository and test each new commit
  groundcrew run                   test the commit that is checked out here, now
  groundcrew runs                  what ran, what runs, what waits
  groundcrew logs -f 3f9a1c        watch a run

Exit status: 0 passed or done, 1 failed, 2 usage or configuration, 3 machinery, 130 interrupted.`,
    );
  const frame = { context, done };
  for (const add of verbs) {
    add(program, frame);
  }
  inherit(program);
  return program;
}

/** Settings of the root that commander does not hand to commands by itself. */
function inherit(parent: Command): void {
  for (const child of parent.commands) {
    child.copyInheritedSettings(parent).helpOption('-h, --help', 'show this help');
    inherit(child);
  }
}

/** `error: unknown option '--jsn'\n(Did you mean --json?)` as one line. */
function complaint(text: string): string {
  const [what = '', ...hints] = text
    .replace(/^error: /, '')
    .trim()
    .split('\n');
  const hint = hints.join(' ').replace(/^\(D/, 'd').replace(/\)$/, '').trim();
  return plainText(hint === '' ? `${what}; see groundcrew --help` : `${what}; ${hint}`);
}

import { CommanderError } from 'commander';
import { GroundcrewError, UsageError } from '../base/errors.ts';
import type { CommandContext } from './wiring.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import { plainText } from './output/plain-text.ts';
import { createProgram } from './program.ts';
import { verbsFor } from './verbs.ts';

/** Runs one command line (without node and script) to its end and gives the exit status. Never rejects. */
export async function runCli(words: readonly string[], context: CommandContext): Promise<ExitCode> {
  let ended: ExitCode = exitCode.ok;
  const said: string[] = [];
  const program = createProgram(
    await verbsFor(words[0]),
    context,
    (code) => {
      ended = code;
    },
    said,
  );
  try {
    if (words.length === 0) {
      program.outputHelp();
      return exitCode.ok;
    }
    await program.parseAsync([...words], { from: 'user' });
    return ended;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCode.ok;
      for (const text of said) await context.err.line(`${context.err.paint('red', 'groundcrew')}: ${text}`);
      return exitCode.usage;
    }
    return await reportError(error, context);
  } finally {
    // Piped output is written behind our back; what was said must be out before the process may end.
    await context.out.write('');
  }
}

/** Prints what went wrong, one line a problem, and chooses the exit status. */
export async function reportError(error: unknown, context: CommandContext): Promise<ExitCode> {
  const isOurs = error instanceof GroundcrewError;
  const text = error instanceof Error ? error.message : String(error);
  const lines = isOurs ? text.split('\n') : [`internal error: ${text.split('\n', 1)[0] ?? ''}`];
  for (const line of lines) {
    await context.err.line(`${context.err.paint('red', 'groundcrew')}: ${plainText(line)}`);
  }
  if ((context.env['GROUNDCREW_DEBUG'] ?? '') !== '' && error instanceof Error) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      const code = cause instanceof GroundcrewError ? `[${cause.code}] ` : '';
      await context.err.line(`${code}${cause.stack ?? cause.message}`);
    }
  } else if (!isOurs) {
    await context.err.line('groundcrew: this is a fault of groundcrew; GROUNDCREW_DEBUG=1 shows where');
  }
  return error instanceof UsageError ? exitCode.usage : exitCode.machinery;
}

import type { Command } from 'commander';
import { UsageError } from '../../base/errors.ts';
import type { RunDetail, AttemptDetail } from '../../ledger/ledger-reader.ts';
import { exitCode } from '../exit-code.ts';
import { wholeNumber } from '../parse-option.ts';
import { addVerb, loadToLook, withConfig, withReader, type ConfigOptions, type Frame } from '../verb.ts';

interface LogsOptions extends ConfigOptions {
  readonly follow?: boolean;
  readonly attempt?: number;
  readonly raw?: boolean;
}

/** `logs`: what a run printed. */
export function addLogs(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'logs <run>',
    summary: 'print the log of a run',
    details:
      'A run is named by the first 6 or more digits of its id, or by the address of its page. Into a pipe the bytes are exact; ' +
      'on a terminal colours stay, and what could steer the terminal is left out (--raw keeps it). Of a job on another machine -f shows ' +
      'each second what it printed; when no server runs here, each 30 s (logs.flush).',
    examples: [
      ['groundcrew logs 3f9a1c', 'the log of the attempt that counts'],
      ['groundcrew logs -f 3f9a1c', 'until the run has ended'],
      ['groundcrew logs 3f9a1c --attempt 1 > log', 'an earlier attempt, byte for byte'],
    ],
  })
    .option('-f, --follow', 'go on while the run goes on, through its attempts')
    .option('--attempt <number>', 'this attempt', wholeNumber(1, 1_000_000))
    .option('--raw', 'keep everything on a terminal too');
  withConfig(command).action(async (word: string, options: LogsOptions) => {
    const { settings } = await loadToLook(context, options);
    const { createAttemptLogs } = await import('../attempt-log.ts');
    const { findRun } = await import('../find-run.ts');
    const { chosenAttempt, followRun, showAttempt } = await import('../follow-run.ts');
    const wiring = await context.wiring();
    const isRaw = options.raw === true;
    const code = await withReader(context, settings, async (reader) => {
      const run = await findRun(reader, word);
      // Where there is no ledger, it has found nothing and said so.
      if (reader === null) return exitCode.usage;
      const { clock } = context;
      const openLog = createAttemptLogs({ settings, openLog: await wiring.openLogs(settings, context), clock });
      const signal = context.interruption();
      if (options.follow === true && options.attempt === undefined) {
        const outcome = await followRun({ reader, openLog, isRaw }, run.job.id, context);
        return outcome === null && signal.aborted ? exitCode.interrupted : exitCode.ok;
      }
      const attempt = options.attempt === undefined ? chosenAttempt(run) : attemptNumber(run, options.attempt);
      if (attempt === null) {
        await context.err.line(`run ${run.job.id.slice(0, 8)} has no log yet: ${wiring.words.standing(run.summary)}`);
        return exitCode.ok;
      }
      const wanted = { jobId: run.job.id, attempt, follow: options.follow === true };
      await showAttempt({ reader, openLog, isRaw }, wanted, context, signal);
      return signal.aborted ? exitCode.interrupted : exitCode.ok;
    });
    done(code);
  });
}

function attemptNumber(run: RunDetail, n: number): AttemptDetail {
  const found = run.attempts.findLast((attempt) => attempt.n === n);
  if (found !== undefined) return found;
  const known = [...new Set(run.attempts.map((attempt) => attempt.n))].join(', ');
  throw new UsageError(
    'cli/no-run',
    `--attempt ${String(n)}: this run has ${known === '' ? 'no attempts yet' : known}`,
  );
}

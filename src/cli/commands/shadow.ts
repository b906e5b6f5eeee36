import { InvalidArgumentError, type Command } from 'commander';
import { durationExample, parseDuration } from '../../config/duration.ts';
import { exitCode } from '../exit-code.ts';
import { addVerb, loadToLook, withConfig, withJson, withReader, type ConfigOptions, type Frame } from '../verb.ts';

interface ShadowOptions extends ConfigOptions {
  readonly since?: number;
  readonly json?: boolean;
}

const dayMs = 86_400_000;
/** Commits with a context each that are compared at most, the latest first. */
const mostRows = 100_000;

/** `shadow report`: how our verdicts compare with those of the CI beside us. */
export function addShadow(program: Command, { context, done }: Frame): void {
  const shadow = addVerb(program, {
    usage: 'shadow',
    summary: 'compare our verdicts with those of the CI beside us',
    examples: [['groundcrew shadow report', 'before the other CI is switched off']],
  });
  const command = addVerb(shadow, {
    usage: 'report',
    summary: 'compare verdicts and times, context by context',
    details:
      'Compares what groundcrew and another CI said of the same commits: their statuses are remembered at each look at a ' +
      'change. Use it with forges.NAME.statuses none or {prefix: TEXT}. Reads the ledger itself.',
    examples: [
      ['groundcrew shadow report', 'the last 30 days'],
      ['groundcrew shadow report --since 7d --json', 'for a script'],
    ],
  }).option('--since <duration>', 'how far back (default: 30d)', ago);
  withJson(withConfig(command)).action(async (options: ShadowOptions) => {
    const { settings } = await loadToLook(context, options);
    const { compareShadow } = await import('../../report/shadow-report.ts');
    const rows = await withReader(context, settings, async (reader) =>
      reader === null ? [] : reader.shadowRows(context.clock.now() - (options.since ?? 30 * dayMs), mostRows),
    );
    const report = compareShadow(rows);
    const { plainJson, plainText } = await import('../output/plain-text.ts');
    if (options.json === true) await context.out.line(plainJson(report));
    else {
      const { shadowLines } = await import('../../report/shadow-words.ts');
      for (const line of shadowLines(report)) await context.out.line(plainText(line));
    }
    if (rows.length === mostRows) {
      await context.err.line(
        `groundcrew: only the latest ${String(mostRows)} verdicts were compared; ask for less time`,
      );
    }
    done(exitCode.ok);
  });
}

function ago(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs !== null && durationMs > 0) return durationMs;
  throw new InvalidArgumentError(`expected ${durationExample}`);
}

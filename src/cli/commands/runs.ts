import type { Command } from 'commander';
import type { RunFilter, RunSummary } from '../../ledger/ledger-reader.ts';
import { exitCode } from '../exit-code.ts';
import { oneOf, wholeNumber } from '../parse-option.ts';
import { printList } from '../print-list.ts';
import { addVerb, loadToLook, withConfig, withJson, withReader, type ConfigOptions, type Frame } from '../verb.ts';

interface RunsOptions extends ConfigOptions {
  readonly state?: 'waiting' | 'running' | 'ended';
  readonly repo?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** `runs`: what ran, what runs, what waits; newest first. */
export function addRuns(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'runs',
    summary: 'list runs, newest first',
    details: 'Reads the ledger itself, so it works while the server is down.',
    examples: [
      ['groundcrew runs', 'the newest 20'],
      ['groundcrew runs --state running', 'what runs now'],
      ['groundcrew runs --repo a --limit 100 --json', 'for a script'],
    ],
  })
    .option('--state <state>', 'waiting, running or ended', oneOf(['waiting', 'running', 'ended']))
    .option('--repo <name>', 'of one repository')
    .option('--limit <number>', 'at most so many', wholeNumber(1, 10_000), 20);
  withJson(withConfig(command)).action(async (options: RunsOptions) => {
    const { settings } = await loadToLook(context, options);
    const runs = await withReader(context, settings, async (reader) =>
      reader === null ? [] : collect(options, (filter) => reader.listRuns(filter)),
    );
    await printList(context, runs, {
      isJson: options.json === true,
      empty: 'no runs; groundcrew up starts testing a repository',
      columns: async () => (await import('../print-runs.ts')).runColumns(context),
    });
    done(exitCode.ok);
  });
}

const pageSize = 200;

async function collect(
  options: RunsOptions,
  list: (filter: RunFilter) => Promise<{ readonly runs: readonly RunSummary[]; readonly next: string | null }>,
): Promise<readonly RunSummary[]> {
  const runs: RunSummary[] = [];
  let before: string | null = null;
  do {
    const page: { readonly runs: readonly RunSummary[]; readonly next: string | null } = await list({
      limit: Math.min(pageSize, options.limit - runs.length),
      ...(options.state === undefined ? {} : { state: options.state }),
      ...(options.repo === undefined ? {} : { repo: options.repo }),
      ...(before === null ? {} : { before }),
    });
    runs.push(...page.runs);
    before = page.next;
  } while (before !== null && runs.length < options.limit);
  return runs;
}

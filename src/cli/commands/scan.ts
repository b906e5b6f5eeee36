import type { Command } from 'commander';
import { z } from 'zod';
import { changeWords } from '../change-words.ts';
import { exitCode } from '../exit-code.ts';
import { addVerb, loadToLook, withConfig, withDryRun, withJson, type ConfigOptions, type Frame } from '../verb.ts';

interface ScanOptions extends ConfigOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** A line of the server's answer: a repository that was scanned or failed, or a place of a dry run. */
const Line = z.object({
  forge: z.string(),
  repo: z.string(),
  error: z.string().optional(),
  places: z.number().optional(),
  looked: z.number().optional(),
  changed: z.number().optional(),
  failed: z.number().optional(),
  tookMs: z.number().optional(),
  changeKey: z.string().optional(),
  actions: z.array(z.string()).optional(),
  isEnd: z.boolean().optional(),
});
type Line = z.output<typeof Line>;

/** `scan`: have the server look at every place now. */
export function addScan(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'scan [project]',
    summary: 'have the server look at every branch and pull request now',
    details:
      'It does so by itself at its start and every 10 minutes. With --dry-run nothing is done; what would be is told, place by ' +
      'place. Exit status 3 when a repository or a place of it could not be looked at.',
    examples: [
      ['groundcrew scan', 'every project'],
      ['groundcrew scan owner/repo --dry-run', 'what a look would change'],
    ],
  });
  withJson(withDryRun(withConfig(command))).action(async (project: string | undefined, options: ScanOptions) => {
    const { settings } = await loadToLook(context, options);
    const { connect } = await import('../client.ts');
    const { plainJson, plainText } = await import('../output/plain-text.ts');
    const { createProgress } = await import('../output/progress.ts');
    const body = { isDryRun: options.dryRun === true, ...(project === undefined ? {} : { repo: project }) };
    const signal = context.interruption();
    const progress = createProgress(context.err, context.clock);
    progress.say('looking');
    const told: Line[] = [];
    let isWhole = true;
    try {
      for await (const given of connect(settings.paths).lines('/api/scan', body, signal)) {
        const line = Line.parse(given);
        if (line.error !== undefined || (line.failed ?? 0) > 0) isWhole = false;
        told.push(line);
        progress.end();
        if (options.json !== true) for (const text of words(line)) await context.out.line(plainText(text));
      }
    } finally {
      progress.end();
    }
    if (options.json === true) await context.out.line(plainJson(told.filter(({ isEnd }) => isEnd !== true)));
    else if (options.dryRun === true && isWhole && told.every(({ actions = [] }) => actions.length === 0)) {
      await context.err.line('nothing would change');
    }
    done(signal.aborted ? exitCode.interrupted : isWhole ? exitCode.ok : exitCode.machinery);
  });
}

function words(line: Line): readonly string[] {
  const { forge, repo, changeKey, actions = [] } = line;
  if (line.error !== undefined) return [`${repo}: ${line.error}`];
  if (changeKey !== undefined) {
    const place = changeWords({ forge, repo, changeKey });
    return actions.map((action) => `${place}: would ${action}`);
  }
  if (line.isEnd === true) return [];
  const { places = 0, looked = 0, changed = 0, failed = 0, tookMs = 0 } = line;
  const trouble = failed === 0 ? '' : `, ${String(failed)} could not be looked at`;
  return [
    `${repo}: ${String(places)} places, ${String(looked)} looked at, ${String(changed)} changed${trouble} (${String(tookMs)} ms)`,
  ];
}

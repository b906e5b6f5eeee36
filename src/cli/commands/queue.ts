import type { Command } from 'commander';
import type { Settings } from '../../config/settings.ts';
import { exitCode } from '../exit-code.ts';
import { wholeNumber } from '../parse-option.ts';
import { printList } from '../print-list.ts';
import {
  addVerb,
  loadToLook,
  sayEmpty,
  withConfig,
  withJson,
  withReader,
  type ConfigOptions,
  type Frame,
} from '../verb.ts';

interface QueueOptions extends ConfigOptions {
  readonly parked?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

/** `queue`: what waits, in the order in which it would go, and why; and what waits for a person. */
export function addQueue(program: Command, frame: Frame): void {
  const { context, done } = frame;
  const command = addVerb(program, {
    usage: 'queue',
    summary: 'list what waits, in order, and why',
    examples: [
      ['groundcrew queue', 'the next 50'],
      ['groundcrew queue --json', 'for a script'],
      ['groundcrew queue --parked', 'messages of workers that nobody could read'],
    ],
  })
    .option('--limit <number>', 'at most so many', wholeNumber(1, 10_000), 50)
    .option('--parked', 'show instead what workers said and the server could not read or apply');
  withJson(withConfig(command)).action(async (options: QueueOptions) => {
    const { settings } = await loadToLook(context, options);
    if (options.parked === true) {
      await showParked(frame, settings, options);
      return;
    }
    const { whyWaiting } = await import('../../report/waiting-words.ts');
    const { rows, held } = await withReader(context, settings, async (reader) => {
      if (reader === null) return { rows: [], held: [] };
      const { runs } = await reader.listRuns({ state: 'waiting', limit: options.limit });
      const workers = await reader.workers();
      const waiting = [];
      for (const [index, run] of runs.entries()) {
        const position = (await reader.position(run.jobId)) ?? index;
        waiting.push({
          ...run,
          position: position + 1,
          reason: whyWaiting(run, position, workers, context.clock.now()),
        });
      }
      return { rows: waiting, held: await reader.held() };
    });
    const { plainJson } = await import('../output/plain-text.ts');
    if (options.json === true) {
      await context.out.line(plainJson({ waiting: rows, held }));
      done(exitCode.ok);
      return;
    }
    const { printTable } = await import('../output/table.ts');
    const { age } = await import('../output/elapsed.ts');
    const { placeOf, shownIdDigits } = await import('../print-runs.ts');
    const now = context.clock.now();
    if (rows.length > 0) {
      await printTable(
        context.out,
        [
          { head: '#', cell: (run) => String(run.position), align: 'right' },
          { head: 'RUN', cell: (run) => run.jobId.slice(0, shownIdDigits) },
          { head: 'REPO', cell: (run) => run.repo, isFlexible: true },
          { head: 'CHANGE', cell: placeOf, isFlexible: true },
          { head: 'CONTEXT', cell: (run) => run.context, isFlexible: true },
          { head: 'WAITS', cell: (run) => age(run.queuedAt, now), align: 'right' },
          { head: 'WHY', cell: (run) => run.reason, isWrapped: true },
        ],
        rows,
      );
    }
    if (held.length > 0) {
      if (rows.length > 0) await context.out.line('');
      await printTable(
        context.out,
        [
          { head: 'HELD', cell: ({ change }) => change.headSha.slice(0, 12) },
          { head: 'REPO', cell: ({ change }) => change.repo, isFlexible: true },
          { head: 'CHANGE', cell: ({ change }) => placeOf({ ...change, sha: change.headSha }), isFlexible: true },
          { head: 'BY', cell: ({ change }) => change.author, isFlexible: true },
          { head: 'WHY', cell: ({ sentence }) => sentence, isWrapped: true },
        ],
        held,
      );
    }
    if (rows.length + held.length === 0) await sayEmpty(context, 'nothing waits');
    done(exitCode.ok);
  });
}

/** They are tried again when the server starts, which helps where a newer one can read them. */
async function showParked(
  { context, done }: Frame,
  settings: Settings,
  options: Pick<QueueOptions, 'json' | 'limit'>,
): Promise<void> {
  const parked = await withReader(
    context,
    settings,
    async (reader) => (await reader?.parkedMessages(options.limit)) ?? [],
  );
  await printList(context, parked, {
    isJson: options.json === true,
    empty: 'no message is set aside',
    columns: async () => {
      const { age } = await import('../output/elapsed.ts');
      const now = context.clock.now();
      return [
        { head: '#', cell: ({ id }) => String(id), align: 'right' },
        { head: 'WORKER', cell: ({ worker }) => worker ?? '?', isFlexible: true },
        { head: 'CAME', cell: ({ at }) => age(at, now), align: 'right' },
        { head: 'WHY', cell: ({ why }) => why },
        { head: 'BEGINS', cell: ({ body }) => body.slice(0, 200), isFlexible: true },
      ];
    },
  });
  done(exitCode.ok);
}

import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
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
import type { WorkerSeen } from '../../ledger/ledger-reader.ts';

interface WorkersOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** Workers repeat their sign of life every 30 s; twice missed is silence. */
const silentAfterMs = 75_000;

/** `workers`: who runs jobs, as last heard. */
export function addWorkers(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'workers',
    summary: 'list the workers and what they can do',
    examples: [
      ['groundcrew workers', 'all that were ever heard'],
      ['groundcrew workers --json', 'for a script'],
    ],
  });
  withJson(withConfig(command)).action(async (options: WorkersOptions) => {
    const { settings } = await loadToLook(context, options);
    const workers = await withReader(context, settings, async (reader) => (reader === null ? [] : reader.workers()));
    const { plainJson } = await import('../output/plain-text.ts');
    if (options.json === true) {
      await context.out.line(plainJson(workers));
    } else if (workers.length === 0) {
      await sayEmpty(context, 'no worker has been heard; groundcrew up or groundcrew worker starts one');
    } else {
      const { printTable } = await import('../output/table.ts');
      const { age } = await import('../output/elapsed.ts');
      const now = context.clock.now();
      const state = (worker: WorkerSeen): string =>
        worker.hasLeft ? 'left' : now - worker.lastHeardAt > silentAfterMs ? 'silent' : 'here';
      await printTable(
        context.out,
        [
          { head: 'WORKER', cell: (worker) => worker.worker, isFlexible: true },
          {
            head: 'STATE',
            cell: state,
            style: (worker) => (state(worker) === 'here' ? 'green' : state(worker) === 'left' ? 'dim' : 'yellow'),
          },
          { head: 'POOL', cell: (worker) => worker.pool, isFlexible: true },
          { head: 'BUSY', cell: (worker) => `${String(worker.running)}/${String(worker.slots)}`, align: 'right' },
          { head: 'HEARD', cell: (worker) => age(worker.lastHeardAt, now), align: 'right' },
          { head: 'OFFERS', cell: (worker) => worker.capabilities.join(' '), isFlexible: true },
        ],
        workers,
      );
    }
    done(exitCode.ok);
  });
}

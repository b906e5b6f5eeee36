import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { plainText } from '../output/plain-text.ts';
import type { Column } from '../output/table.ts';
import { printList } from '../print-list.ts';
import {
  addVerb,
  loadSettings,
  loadToLook,
  withConfig,
  withDryRun,
  withJson,
  withReader,
  type ConfigOptions,
  type Frame,
} from '../verb.ts';
import type { WorkerSeen } from '../../ledger/ledger-reader.ts';

interface WishOptions extends ConfigOptions {
  readonly dryRun?: boolean;
}

interface WorkersOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** Workers repeat their sign of life every 30 s; twice missed is silence. */
const silentAfterMs = 75_000;

/** `workers`: who runs jobs, as last heard; and what a person wants of one. */
export function addWorkers(program: Command, frame: Frame): void {
  const { context, done } = frame;
  const command = addVerb(program, {
    usage: 'workers',
    summary: 'list the workers and what they can do; pause, resume or drain one',
    examples: [
      ['groundcrew workers', 'all that were ever heard'],
      ['groundcrew workers --json', 'for a script'],
      ['groundcrew workers pause night', 'that one takes no new job until it may again'],
    ],
  });
  withJson(withConfig(command)).action(async (options: WorkersOptions) => {
    const { settings } = await loadToLook(context, options);
    const workers = await withReader(context, settings, async (reader) => (reader === null ? [] : reader.workers()));
    await printList(context, workers, {
      isJson: options.json === true,
      empty: 'no worker has been heard; groundcrew up or groundcrew worker starts one',
      columns: async () => workerColumns((await import('../output/elapsed.ts')).age, context.clock.now()),
    });
    done(exitCode.ok);
  });
  for (const wish of ['pause', 'resume', 'drain'] as const) addWish(command, wish, frame);
}

function workerColumns(age: (since: number, now: number) => string, now: number): readonly Column<WorkerSeen>[] {
  const state = (worker: WorkerSeen): string =>
    worker.hasLeft
      ? 'left'
      : now - worker.lastHeardAt > silentAfterMs
        ? 'silent'
        : worker.standing.takesJobs
          ? 'here'
          : worker.standing.isPaused
            ? 'paused'
            : 'idle';
  const note = (worker: WorkerSeen): string =>
    [
      ...(worker.standing.takesJobs || worker.standing.isPaused || worker.hasLeft ? [] : [worker.standing.why ?? '']),
      ...(worker.wish === 'work' ? [] : [`${worker.wish} wanted by ${worker.wishBy ?? '?'}`]),
      ...worker.runs.map((run) => `${run.repo} ${run.context} ${run.jobId.slice(0, 8)}`),
    ].join('; ');
  return [
    { head: 'WORKER', cell: (worker) => worker.worker, isFlexible: true },
    {
      head: 'STATE',
      cell: state,
      style: (worker) => (state(worker) === 'here' ? 'green' : state(worker) === 'left' ? 'dim' : 'yellow'),
    },
    { head: 'POOL', cell: (worker) => worker.pool, isFlexible: true },
    { head: 'BUSY', cell: (worker) => `${String(worker.running)}/${String(worker.slots)}`, align: 'right' },
    { head: 'HEARD', cell: (worker) => age(worker.lastHeardAt, now), align: 'right' },
    { head: 'DOES', cell: note, isFlexible: true },
    { head: 'OFFERS', cell: (worker) => worker.capabilities.join(' '), isFlexible: true },
  ];
}

const wishes = {
  pause: { wish: 'pause', summary: 'let a worker take no new job until resume', said: 'takes no new job' },
  resume: { wish: 'work', summary: 'let a worker take jobs again', said: 'takes jobs again' },
  drain: { wish: 'drain', summary: 'let a worker finish what runs, and leave', said: 'finishes and leaves' },
} as const;

/** Kept by the server, so it outlives a restart of either side; a drain is over when the worker has left. */
function addWish(workers: Command, kind: keyof typeof wishes, { context, done }: Frame): void {
  const { wish, summary, said } = wishes[kind];
  const command = addVerb(workers, {
    usage: `${kind} <name...>`,
    summary,
    examples: [[`groundcrew workers ${kind} night`, `the worker named night ${said}`]],
  });
  withDryRun(withConfig(command)).action(async (names: readonly string[], options: WishOptions) => {
    const { settings } = await loadSettings(context, options);
    const { connect } = await import('../client.ts');
    const client = options.dryRun === true ? null : connect(settings.paths);
    for (const worker of names) {
      await client?.wish({ worker, wish, by: context.user }, context.interruption());
      await context.out.line(plainText(`${client === null ? 'would be told' : 'told'}: ${worker} ${said}`));
    }
    done(exitCode.ok);
  });
}

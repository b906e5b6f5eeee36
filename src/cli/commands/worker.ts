import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { label, labels, oneOf, wholeNumber } from '../parse-option.ts';
import { addVerb, loadSettings, withConfig, withDryRun, type ConfigOptions, type Frame } from '../verb.ts';
import type { WorkerSettings } from '../../config/settings.ts';

interface WorkerOptions extends ConfigOptions {
  readonly name?: string;
  readonly slots?: number;
  readonly pool?: string;
  readonly label?: readonly string[];
  readonly executor?: WorkerSettings['executor'];
  readonly onTerm?: WorkerSettings['onTerm'];
  readonly dryRun?: boolean;
}

/** `worker`: takes jobs and runs them. */
export function addWorker(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'worker',
    summary: 'take jobs from the queue and run them',
    details:
      'SIGTERM and Ctrl-C: finish what runs, take nothing new, leave; a second one hands the jobs back, a third lets go. ' +
      'With --on-term keep the first one lets go of running jobs without ending them, and the next start takes them up again.',
    examples: [
      ['groundcrew worker', 'jobs of the server with the same state directory'],
      ['groundcrew worker --name night --slots 1 --label kvm', 'a second worker beside the first'],
    ],
  })
    .option('--name <name>', 'lasting name of this worker (default: the host name)')
    .option('--slots <number>', 'jobs at once (default: by CPUs and memory)', wholeNumber(1, 256))
    .option('--pool <name>', 'whose jobs to take', label)
    .option('--label <name>', 'a capability to offer; may be repeated', labels)
    .option('--executor <name>', 'auto, podman, docker or process', oneOf(['auto', 'podman', 'docker', 'process']))
    .option('--on-term <what>', 'at SIGTERM: drain, or keep running jobs for the next start', oneOf(['drain', 'keep']));
  withDryRun(withConfig(command)).action(async (options: WorkerOptions) => {
    const { settings } = await loadSettings(context, options);
    const given = settings.worker;
    const worker: WorkerSettings = {
      ...given,
      name: options.name ?? given.name,
      slots: options.slots ?? given.slots,
      pool: options.pool ?? given.pool,
      labels: options.label ?? given.labels,
      executor: options.executor ?? given.executor,
      onTerm: options.onTerm ?? given.onTerm,
    };
    if (options.dryRun === true) {
      await context.out.line(`state    ${settings.paths.stateDir}`);
      await context.out.line(`pool     ${[worker.pool, ...worker.labels].join(' + ')}`);
      await context.out.line(`worker   executor ${worker.executor}, slots ${String(worker.slots ?? 'auto')}`);
      done(exitCode.ok);
      return;
    }
    done(await (await context.wiring()).worker({ settings, worker }, context));
  });
}

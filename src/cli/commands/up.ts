import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { oneOf, wholeNumber } from '../parse-option.ts';
import { addVerb, loadSettings, withConfig, withDryRun, type ConfigOptions, type Frame } from '../verb.ts';
import type { WorkerSettings } from '../../config/settings.ts';

interface UpOptions extends ConfigOptions {
  readonly host?: string;
  readonly port?: number;
  readonly executor?: WorkerSettings['executor'];
  readonly slots?: number;
  readonly dryRun?: boolean;
}

/** `up`: server and worker in one process. */
export function addUp(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'up [path...]',
    summary: 'watch repositories and test every new commit here',
    details:
      'Server and worker in one process. Without a path: the configured projects, else the repository of the current ' +
      'directory; in groundcrew’s own checkout, an example.',
    examples: [
      ['groundcrew up', 'the repository of this directory'],
      ['groundcrew up ~/src/a ~/src/b', 'two repositories'],
      ['groundcrew up --executor process', 'plain processes, no containers, no isolation'],
    ],
  })
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65535))
    .option('--executor <name>', 'auto, podman, docker or process', oneOf(['auto', 'podman', 'docker', 'process']))
    .option('--slots <number>', 'jobs at once', wholeNumber(1, 256));
  withDryRun(withConfig(command)).action(async (paths: readonly string[], options: UpOptions) => {
    const { settings, renewal } = await loadSettings(context, options);
    const { describeServing, serveOrder, watchedProjects } = await import('../serve-order.ts');
    const { projects, isExample } = watchedProjects(settings, paths, context.cwd);
    const worker = {
      ...settings.worker,
      executor: options.executor ?? settings.worker.executor,
      slots: options.slots ?? settings.worker.slots,
    };
    const order = { ...serveOrder(settings, projects, options, renewal), worker, isExample };
    if (options.dryRun === true) {
      await describeServing(order, context);
      if (isExample) await context.out.line('watches  hello  a copy of examples/hello');
      await context.out.line(`worker   executor ${worker.executor}, slots ${String(worker.slots ?? 'auto')}`);
      done(exitCode.ok);
      return;
    }
    done(await (await context.wiring()).up(order, context));
  });
}

import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { wholeNumber } from '../parse-option.ts';
import { addVerb, loadSettings, withConfig, withDryRun, type ConfigOptions, type Frame } from '../verb.ts';

interface ServerOptions extends ConfigOptions {
  readonly host?: string;
  readonly port?: number;
  readonly dryRun?: boolean;
}

/** `server`: everything but running jobs. */
export function addServer(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'server [path...]',
    summary: 'watch repositories and hand out jobs, without running any',
    details: 'Workers run them: groundcrew worker. One server for each state directory; a second one refuses.',
    examples: [
      ['groundcrew server', 'the projects of the configuration'],
      ['groundcrew server ~/src/a --port 0', 'one repository, on a free port'],
    ],
  })
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65535));
  withDryRun(withConfig(command)).action(async (paths: readonly string[], options: ServerOptions) => {
    const { settings, renewal } = await loadSettings(context, options);
    const { describeServing, serveOrder, watchedProjects } = await import('../serve-order.ts');
    const order = serveOrder(settings, watchedProjects(settings, paths, context.cwd).projects, options, renewal);
    if (options.dryRun === true) {
      await describeServing(order, context);
      done(exitCode.ok);
      return;
    }
    done(await (await context.wiring()).server(order, context));
  });
}

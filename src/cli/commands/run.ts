import type { Command } from 'commander';
import { resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { exitCode } from '../exit-code.ts';
import { oneOf, variables } from '../parse-option.ts';
import { addVerb, loadSettings, withConfig, withDryRun, type ConfigOptions, type Frame } from '../verb.ts';
import type { RunOrder, RunSource } from '../wiring.ts';

interface RunOptions extends ConfigOptions {
  readonly job?: string;
  readonly executor?: RunOrder['executor'];
  readonly context?: string;
  readonly rev?: string;
  readonly container?: string;
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout?: string;
  readonly network?: 'default' | 'none';
  readonly attachments?: string;
  readonly dryRun?: boolean;
}

/** `run`: one job in the foreground, without server or queue. */
export function addRun(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'run [path]',
    summary: 'test one commit now, in this terminal',
    details:
      'Runs what CI would run: same container, same command, same environment. The log goes to stdout, a summary to stderr. ' +
      'What is not committed is not tested. --job takes a job file of Cockpit’s job-runner.',
    examples: [
      ['groundcrew run', 'HEAD of the repository of this directory'],
      ['groundcrew run ~/src/a --rev v1.2', 'a tag of another repository'],
      ['groundcrew run --command "make check" --executor process', 'one command, no container'],
      ['groundcrew run --job job.json', 'a job file'],
    ],
  })
    .option('--job <file>', 'a job as JSON, instead of a path')
    .option('--rev <commit>', 'commit, branch or tag to test (default: HEAD)')
    .option('--context <name>', 'the check to run (default: the only one, or test)')
    .option('--container <image>', 'container image to use')
    .option('--command <line>', 'shell line to run instead of the entry point')
    .option('--env <name=value>', 'an environment variable; may be repeated', variables)
    .option('--timeout <duration>', 'stop it after this long, e.g. 15m')
    .option('--network <kind>', 'default or none', oneOf(['default', 'none']))
    .option('--attachments <dir>', 'where to put what the job leaves')
    .option('--executor <name>', 'auto, podman, docker or process', oneOf(['auto', 'podman', 'docker', 'process']));
  withDryRun(withConfig(command)).action(async (path: string | undefined, options: RunOptions) => {
    const { settings } = await loadSettings(context, options);
    const order: RunOrder = {
      settings,
      source: await sourceOf(path, options, context.cwd),
      executor: options.executor ?? settings.worker.executor,
      context: options.context === undefined ? null : await checkedContext(options.context),
      command: options.command === undefined ? null : ['sh', '-c', options.command],
      container: options.container ?? null,
      env: options.env ?? {},
      timeoutMs: options.timeout === undefined ? null : await timeoutOf(options.timeout),
      network: options.network ?? null,
      attachmentsDir: options.attachments === undefined ? null : resolve(context.cwd, options.attachments),
    };
    if (options.dryRun === true) {
      const { describeRun } = await import('../describe-run.ts');
      await describeRun(order, context);
      done(exitCode.ok);
      return;
    }
    done(await (await context.wiring()).run(order, context));
  });
}

async function sourceOf(path: string | undefined, options: RunOptions, cwd: string): Promise<RunSource> {
  if (options.job !== undefined) {
    const clash = path !== undefined ? 'a path' : options.rev !== undefined ? '--rev' : null;
    if (clash !== null)
      throw new UsageError('cli/usage', `--job and ${clash} exclude each other; the job file names its commit`);
    const { readJobFile } = await import('../../config/job-file.ts');
    return { kind: 'order', order: readJobFile(resolve(cwd, options.job)) };
  }
  const { needRepository } = await import('../find-repository.ts');
  if (options.rev?.startsWith('-') === true) throw new UsageError('cli/usage', '--rev: a commit does not begin with -');
  return { kind: 'checkout', dir: needRepository(path ?? '.', cwd), rev: options.rev ?? null };
}

async function checkedContext(text: string): Promise<string> {
  const { parseContext } = await import('../../core/check-context.ts');
  if (parseContext(text) !== null) return text;
  throw new UsageError('cli/usage', '--context: expected image[/scenario][@bots#N][@[forge:]owner/repo[/ref]]');
}

async function timeoutOf(text: string): Promise<number> {
  const { durationExample, parseDuration } = await import('../../config/duration.ts');
  const timeoutMs = parseDuration(text);
  if (timeoutMs !== null && timeoutMs > 0) return timeoutMs;
  throw new UsageError('cli/usage', `--timeout: expected ${durationExample}`);
}

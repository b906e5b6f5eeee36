import type { Command } from 'commander';
import { resolve } from 'node:path';
import { exitCode } from '../exit-code.ts';
import { oneOf } from '../parse-option.ts';
import { addVerb, loadSettings, withConfig, withDryRun, withReader, type ConfigOptions, type Frame } from '../verb.ts';
import type { RunOrder } from '../wiring.ts';

interface ReproduceOptions extends ConfigOptions {
  readonly executor?: RunOrder['executor'];
  readonly attachments?: string;
  readonly dryRun?: boolean;
}

/** `reproduce`: a finished run once more, here. */
export function addReproduce(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'reproduce <run>',
    summary: 'repeat a finished run here: same commit, merge, image, limits and environment',
    details: 'The result is yours alone: nothing is reported. Secrets of the run are taken from your configuration.',
    examples: [
      ['groundcrew reproduce 3f9a1c', 'a run by its id'],
      ['groundcrew reproduce http://127.0.0.1:8250/runs/3f9a1c…', 'by the address of its page'],
    ],
  })
    .option('--attachments <dir>', 'where to put what the job leaves')
    .option('--executor <name>', 'auto, podman, docker or process', oneOf(['auto', 'podman', 'docker', 'process']));
  withDryRun(withConfig(command)).action(async (word: string, options: ReproduceOptions) => {
    const { settings } = await loadSettings(context, options);
    const { findRun } = await import('../find-run.ts');
    const { chosenAttempt } = await import('../follow-run.ts');
    const run = await withReader(context, settings, (reader) => findRun(reader, word));
    const attempt = chosenAttempt(run);
    const { job } = run;
    const order: RunOrder = {
      settings,
      source: {
        kind: 'repeat',
        job,
        baseSha: attempt?.baseSha ?? null,
        testedSha: attempt?.testedSha ?? null,
        imageDigest: attempt?.imageDigest ?? null,
        project: settings.projects.find((project) => project.name === job.subject.repo) ?? null,
      },
      executor: options.executor ?? settings.worker.executor,
      context: null,
      command: null,
      container: null,
      env: {},
      timeoutMs: null,
      network: null,
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

import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { plainText } from '../output/plain-text.ts';
import { addVerb, loadSettings, withConfig, withDryRun, type ConfigOptions, type Frame } from '../verb.ts';

interface HookOptions extends ConfigOptions {
  readonly append?: boolean;
  readonly dryRun?: boolean;
}

/** `hook install|remove`: tells the server at once when a repository gets a commit. */
export function addHook(program: Command, frame: Frame): void {
  const hook = addVerb(program, {
    usage: 'hook',
    summary: 'tell the server at once when a repository gets commits',
    details: 'Without the hook the server finds them by looking, every projects[].poll.',
    examples: [
      ['groundcrew hook install', 'in the repository of this directory'],
      ['groundcrew hook remove ~/src/a', 'take it out again'],
    ],
  });
  addChange(hook, frame, 'install', 'put the hooks into a repository');
  addChange(hook, frame, 'remove', 'take the hooks out of a repository');
}

function addChange(hook: Command, { context, done }: Frame, kind: 'install' | 'remove', summary: string): void {
  const command = addVerb(hook, {
    usage: `${kind} [path]`,
    summary,
    examples: [
      [`groundcrew hook ${kind}`, 'the repository of this directory'],
      [`groundcrew hook ${kind} ~/src/a --dry-run`, 'only say which files'],
    ],
  });
  if (kind === 'install') command.option('--append', 'also into hooks that are there already, before their own lines');
  withDryRun(withConfig(command)).action(async (path: string | undefined, options: HookOptions) => {
    const { settings } = await loadSettings(context, options);
    const { needRepository } = await import('../find-repository.ts');
    const isDryRun = options.dryRun === true;
    const order = {
      settings,
      dir: needRepository(path ?? '.', context.cwd),
      isDryRun,
      isAppending: options.append === true,
    };
    const wiring = await context.wiring();
    const changes = await (kind === 'install' ? wiring.installHook(order) : wiring.removeHook(order));
    for (const change of changes) {
      await context.out.line(plainText(`${isDryRun ? 'would be ' : ''}${change.action}: ${change.path}`));
    }
    done(exitCode.ok);
  });
}

import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { addVerb, loadSettings, withConfig, withDryRun, type ConfigOptions, type Frame } from '../verb.ts';

interface HookOptions extends ConfigOptions {
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
  addChange(hook, frame, 'install', 'put the hook into a repository; hooks that are there go on working');
  addChange(hook, frame, 'remove', 'take the hook out of a repository');
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
  withDryRun(withConfig(command)).action(async (path: string | undefined, options: HookOptions) => {
    const { settings } = await loadSettings(context, options);
    const { needRepository } = await import('../find-repository.ts');
    const isDryRun = options.dryRun === true;
    const order = { settings, dir: needRepository(path ?? '.', context.cwd), isDryRun };
    const wiring = await context.wiring();
    const change = await (kind === 'install' ? wiring.installHook(order) : wiring.removeHook(order));
    const verb = kind === 'install' ? 'write' : 'remove';
    const past = kind === 'install' ? 'wrote' : 'removed';
    for (const file of change.files) {
      if (change.isChanged) await context.out.line(`${isDryRun ? `would ${verb}` : past} ${file}`);
    }
    if (!change.isChanged) await context.out.line(`nothing to do in ${order.dir}`);
    done(exitCode.ok);
  });
}

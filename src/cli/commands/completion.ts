import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { oneOf } from '../parse-option.ts';
import { addVerb, type Frame } from '../verb.ts';

/** `completion`: a script that completes commands and options. */
export function addCompletion(program: Command, { context, done }: Frame): void {
  addVerb(program, {
    usage: 'completion',
    summary: 'print a completion script for a shell',
    examples: [
      ['source <(groundcrew completion bash)', 'in ~/.bashrc'],
      ['source <(groundcrew completion zsh)', 'in ~/.zshrc, after compinit'],
      ['groundcrew completion fish | source', 'in ~/.config/fish/config.fish'],
    ],
  })
    .argument('<shell>', 'bash, zsh or fish', oneOf(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('../completion-script.ts');
      await context.out.write(completionScript(program, shell));
      done(exitCode.ok);
    });
}

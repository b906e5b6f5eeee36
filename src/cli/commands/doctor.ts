import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { addVerb, withConfig, withJson, type ConfigOptions, type Frame } from '../verb.ts';

interface DoctorOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** `doctor`: does this machine have what it takes? */
export function addDoctor(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'doctor [path]',
    summary: 'check what this machine has and what it lacks',
    details:
      'Exit status 3 when something is missing without which nothing runs. A path: also look at that repository’s hook.',
    examples: [
      ['groundcrew doctor', 'everything, with remedies'],
      ['groundcrew doctor --json', 'for a script'],
    ],
  });
  withJson(withConfig(command)).action(async (path: string | undefined, options: DoctorOptions) => {
    const { examine } = await import('../health-checks.ts');
    const { createProgress } = await import('../output/progress.ts');
    const progress = createProgress(context.err, context.clock);
    progress.say('trying the executors');
    const findings = await examine(context, options, path ?? null).finally(() => {
      progress.end();
    });
    if (options.json === true) {
      const { plainJson } = await import('../output/plain-text.ts');
      await context.out.line(plainJson(findings));
    } else {
      const { plainText } = await import('../output/plain-text.ts');
      const styles = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
      const width = Math.max(...findings.map(({ name }) => name.length));
      for (const { name, state, finding, remedy } of findings) {
        const head = `${context.out.paint(styles[state], state.padEnd(4))}  ${name.padEnd(width)}  `;
        await context.out.line(`${head}${plainText(finding)}`);
        if (remedy !== null) await context.out.line(`${' '.repeat(width + 8)}→ ${plainText(remedy)}`);
      }
    }
    done(findings.some(({ state }) => state === 'fail') ? exitCode.machinery : exitCode.ok);
  });
}

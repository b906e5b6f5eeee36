import type { Command } from 'commander';
import { isGroundcrewError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import type { CliContext } from '../cli-context.ts';
import { exitCode } from '../exit-code.ts';
import { addVerb, loadSettings, withConfig, withJson, type ConfigOptions, type Frame } from '../verb.ts';

/** `config check|show|schema`. */
export function addConfig(program: Command, { context, done }: Frame): void {
  const config = addVerb(program, {
    usage: 'config',
    summary: 'check and show the configuration',
    examples: [
      ['groundcrew config check', 'exit status 2 and every mistake with its line'],
      ['groundcrew config show', 'every value and where it comes from'],
      ['groundcrew config schema > schema.json', 'for editors'],
    ],
  });
  const check = addVerb(config, {
    usage: 'check [file]',
    summary: 'say whether the configuration is right, and what is wrong with it',
    examples: [['groundcrew config check ./groundcrew.yaml', 'a file before it is put in place']],
  });
  withConfig(check).action(async (file: string | undefined, options: ConfigOptions) => {
    const { loaded, settings } = await loadSettings(
      context,
      file === undefined ? options : { ...options, config: file },
    );
    const { createSecrets } = await import('../../config/secrets.ts');
    const { allReferences } = await import('../../config/settings.ts');
    for (const warning of createSecrets(allReferences(settings), context.env).warnings()) {
      await context.err.line(`groundcrew: warning: ${warning}`);
    }
    const where = loaded.file ?? 'no configuration file; all values are defaults';
    const { policyVersion } = await import('../../config/policy-version.ts');
    const version = policyVersion(settings.projects);
    await context.out.line(loaded.file === null ? where : `${where}: ok, policy ${version}`);
    // Of a file that is not in place nothing is in force.
    if (file === undefined) await tellInForce(context, settings);
    done(exitCode.ok);
  });
  const show = addVerb(config, {
    usage: 'show',
    summary: 'print every value and where it comes from',
    details: 'Secrets are shown as references; what stands behind them is never read.',
    examples: [['groundcrew config show --json', 'for a script']],
  });
  withJson(withConfig(show)).action(async (options: ConfigOptions & { readonly json?: boolean }) => {
    const { loaded, settings } = await loadSettings(context, options);
    const { effectiveValues } = await import('../../config/effective-values.ts');
    const { plainJson, plainText } = await import('../output/plain-text.ts');
    const { formatPath } = await import('../../config/config-error.ts');
    const values = effectiveValues(loaded).map((value) =>
      value.path.join('.') === 'stateDir' && settings.paths.stateDir !== value.value
        ? { ...value, value: settings.paths.stateDir }
        : value,
    );
    if (options.json === true) {
      const named = values.map(({ path, value, origin }) => [formatPath(path), { value, origin }] as const);
      await context.out.line(plainJson(Object.fromEntries(named)));
    } else {
      for (const { path, value, origin } of values) {
        const text = plainText(`${formatPath(path)}: ${JSON.stringify(value)}`);
        await context.out.line(`${text}  ${context.out.paint('dim', plainText(`# ${origin}`))}`);
      }
    }
    done(exitCode.ok);
  });
  addVerb(config, {
    usage: 'schema',
    summary: 'print the JSON Schema of groundcrew.yaml',
    examples: [['groundcrew config schema', 'JSON Schema 2020-12']],
  }).action(async () => {
    const { configJsonSchema } = await import('../../config/schema.ts');
    await context.out.line(JSON.stringify(configJsonSchema(), null, 2));
    done(exitCode.ok);
  });
}

/** What the running server has in force, if one runs and answers. */
async function tellInForce(context: CliContext, settings: Settings): Promise<void> {
  const { findServer } = await import('../../config/server-file.ts');
  if (findServer(settings.paths.serverFile).kind !== 'running') return;
  const { connect } = await import('../client.ts');
  const { plainText } = await import('../output/plain-text.ts');
  const { z } = await import('zod');
  const InForce = z.object({
    version: z.string(),
    problem: z.string().nullable(),
    needsRestart: z.array(z.string()),
  });
  try {
    const told = InForce.parse(await connect(settings.paths).get('/api/policy', context.interruption()));
    await context.out.line(plainText(`in force on the running server: policy ${told.version}`));
    if (told.problem !== null) {
      await context.err.line(
        plainText(`groundcrew: warning: the server refused an edit: ${told.problem.split('\n')[0] ?? ''}`),
      );
    }
    if (told.needsRestart.length > 0) {
      await context.err.line(
        plainText(`groundcrew: warning: counts only after a restart of the server: ${told.needsRestart.join(', ')}`),
      );
    }
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    await context.err.line(plainText(`groundcrew: warning: ${error.message}`));
  }
}

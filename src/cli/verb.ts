import type { Command } from 'commander';
import type { LoadedConfig } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { CliContext } from './cli-context.ts';
import type { CommandContext, Renewal } from './wiring.ts';
import type { ExitCode } from './exit-code.ts';

/** What every command is built with: the process around it, and where its exit status goes. */
export interface Frame {
  readonly context: CommandContext;
  readonly done: (code: ExitCode) => void;
}

/** How a command is announced. */
export interface VerbWords {
  /** Name and arguments, as commander reads them: `logs <run>`. */
  readonly usage: string;
  readonly summary: string;
  /** Sentences after the usage line, where the summary is not enough. */
  readonly details?: string;
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
}

/** Options that every command with a configuration has. */
export interface ConfigOptions {
  readonly config?: string;
  readonly stateDir?: string;
}

/** Adds a command with its help. */
export function addVerb(parent: Command, words: VerbWords): Command {
  const width = Math.max(...words.examples.map(([line]) => line.length));
  const examples = words.examples.map(([line, meaning]) => `  ${line.padEnd(width)}  ${meaning}`);
  const sentence = `${words.summary.charAt(0).toUpperCase()}${words.summary.slice(1)}.`;
  return parent
    .command(words.usage)
    .summary(words.summary)
    .description(words.details === undefined ? sentence : `${sentence}\n\n${words.details}`)
    .addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
}

/** Adds `--config` and `--state-dir`. */
export function withConfig(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'configuration to use (default: $GROUNDCREW_CONFIG, else the one in ~/.config/groundcrew)',
    )
    .option(
      '--state-dir <dir>',
      'where everything is kept (default: $GROUNDCREW_STATE_DIR, stateDir, else ~/.local/state)',
    );
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print JSON instead of a table');
}

/** Adds `--dry-run`. */
export function withDryRun(command: Command): Command {
  return command.option('-n, --dry-run', 'say what would be done, and do nothing');
}

/** Loads the configuration that a command line means. Imported late: schema and YAML take their time. */
export async function loadSettings(
  context: CliContext,
  options: ConfigOptions,
): Promise<{ readonly loaded: LoadedConfig; readonly settings: Settings; readonly renewal: Renewal }> {
  const [{ defaultConfigFile, loadConfig }, { settingsOf }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/settings.ts'),
  ]);
  const { env, cwd } = context;
  const load = (): LoadedConfig => loadConfig({ env, cwd, option: options.config ?? null });
  const settle = (loaded: LoadedConfig): Settings =>
    settingsOf(loaded, { env, cwd, stateDir: options.stateDir ?? null });
  const loaded = load();
  const renewal = { file: loaded.file ?? defaultConfigFile(env), read: () => settle(load()) };
  return { loaded, settings: settle(loaded), renewal };
}

/**
 * The same for a command that only looks, or asks a server that runs: what is wrong with the file is said in one line, and the rest
 * of it counts. Whoever edits the file must not be blind meanwhile.
 */
export async function loadToLook(
  context: CliContext,
  options: ConfigOptions,
): Promise<{ readonly settings: Settings }> {
  const [{ salvageConfig }, { settingsOf }] = await Promise.all([
    import('../config/salvage.ts'),
    import('../config/settings.ts'),
  ]);
  const { env, cwd } = context;
  const { loaded, problem } = salvageConfig({ env, cwd, option: options.config ?? null });
  if (problem !== null) {
    const { plainText } = await import('./output/plain-text.ts');
    await context.err.line(plainText(`groundcrew: ${problem}; going on without that`));
  }
  return { settings: settingsOf(loaded, { env, cwd, stateDir: options.stateDir ?? null }) };
}

/** Opens the ledger for reading, hands it on, closes it. Null: nothing has ever run here. */
export async function withReader<Result>(
  context: CommandContext,
  settings: Settings,
  use: (reader: LedgerReader | null) => Promise<Result>,
): Promise<Result> {
  const wiring = await context.wiring();
  const reader = await wiring.openReader(settings.paths);
  try {
    return await use(reader);
  } finally {
    await reader?.close();
  }
}

/** Says on stderr that there is nothing to show and what to do about it. */
export async function sayEmpty(context: CliContext, what: string): Promise<void> {
  await context.err.line(what);
}

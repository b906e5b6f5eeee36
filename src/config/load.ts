import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { explainIssues } from './explain-issue.ts';
import { parseYaml, readTextFile, type YamlFile } from './read-yaml.ts';
import { configJsonSchema, configSchema, type Config } from './schema.ts';
import { ConfigError } from './config-error.ts';

/** The process's environment, handed in by the command line. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A checked configuration and where it came from. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null: none, all values are defaults. */
  readonly file: string | null;
  /** The file's own values and places; null without a file. */
  readonly yaml: YamlFile | null;
}

/** Where to look for the configuration. */
export interface ConfigPlace {
  readonly env: Environment;
  readonly cwd: string;
  /** `--config`; null when not given. */
  readonly option: string | null;
}

/** The home directory and the XDG directories of an environment; relative XDG paths are ignored, as the standard says. */
export function userDirectory(env: Environment, variable: string, fallback: readonly string[]): string {
  const given = env[variable];
  if (given !== undefined && isAbsolute(given)) return join(given, 'groundcrew');
  return join(homeOf(env), ...fallback, 'groundcrew');
}

/** `$HOME`, else what the user database says (a service may have no `$HOME`), else `/`. */
export function homeOf(env: Environment): string {
  const home = env['HOME'];
  if (home !== undefined && isAbsolute(home)) return home;
  try {
    return userInfo().homedir;
  } catch {
    // A container may run under a uid that the database does not know.
    return '/';
  }
}

/** The file that `load` reads when nothing names another. */
export function defaultConfigFile(env: Environment): string {
  return join(userDirectory(env, 'XDG_CONFIG_HOME', ['.config']), 'groundcrew.yaml');
}

/**
 * Reads `--config`, else `$GROUNDCREW_CONFIG`, else `$XDG_CONFIG_HOME/groundcrew/groundcrew.yaml` if it is there, else nothing.
 * A file in the tested repository is never read: the configuration decides about secrets and limits, a repository is a
 * stranger's.
 * @throws ConfigError with every problem, file and line.
 */
export function loadConfig(place: ConfigPlace): LoadedConfig {
  const file = configFile(place);
  return file === null ? { config: configSchema.parse({}), file: null, yaml: null } : readConfig(file);
}

/** The file that `loadConfig` reads, there or not; null: none is named, and none is at the usual place. */
export function configFile(place: ConfigPlace): string | null {
  const named = place.option ?? place.env['GROUNDCREW_CONFIG'] ?? '';
  if (named !== '') return resolve(place.cwd, named);
  const file = defaultConfigFile(place.env);
  return existsSync(file) ? file : null;
}

/** Reads and checks one configuration file. */
export function readConfig(file: string): LoadedConfig {
  const yaml = parseYaml(readTextFile(file), file);
  // An empty file, or one of comments alone, is a configuration that says nothing.
  const result = configSchema.safeParse(yaml.value ?? {});
  if (result.success) return { config: result.data, file, yaml };
  throw new ConfigError('config/invalid', explainIssues(result.error.issues, yaml, configJsonSchema()));
}

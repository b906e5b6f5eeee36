import { parseDocumentLoosely } from './read-yaml-loosely.ts';
import { ConfigError, problemLine } from './config-error.ts';
import { configFile, loadConfig, type ConfigPlace, type LoadedConfig } from './load.ts';
import { readTextFile } from './read-yaml.ts';
import { configSchema, type Config } from './schema.ts';

/** What can be used of a configuration, and what is wrong with it: null, or one line. */
export interface Salvaged {
  readonly loaded: LoadedConfig;
  readonly problem: string | null;
}

/** Each round takes out what the one before found. */
const mostRounds = 20;

/**
 * The configuration for commands that only look at what is there: an edit that went wrong must not blind people. What is wrong is
 * left out, a project or forge at a time, else a whole section.
 * @throws ConfigError `config/unreadable` when there is no file to read, which is a mistake in its name
 */
export function salvageConfig(place: ConfigPlace): Salvaged {
  try {
    return { loaded: loadConfig(place), problem: null };
  } catch (error) {
    const file = configFile(place);
    if (!(error instanceof ConfigError) || file === null) throw error;
    const value = parseDocumentLoosely(readTextFile(file));
    const [first, ...others] = error.problems;
    const more = others.length > 0 ? ` (and ${String(others.length)} more)` : '';
    const problem = `${first === undefined ? file : problemLine(first)}${more}`;
    return { loaded: { config: soundPart(value), file, yaml: null }, problem };
  }
}

type Mapping = Record<string, unknown>;

function soundPart(given: unknown): Config {
  const value = structuredClone(isMapping(given) ? given : {});
  for (let round = 0; round < mostRounds; round += 1) {
    const result = configSchema.safeParse(value);
    if (result.success) return result.data;
    const places = result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
    );
    // One mistake may be told of as two. From the end, so that what is taken out of a list moves nothing that is still to be taken out.
    const once = new Map(places.map((path) => [JSON.stringify(path.slice(0, 2).map(String)), path]));
    for (const path of [...once.values()].sort(laterFirst)) takeOut(value, path);
  }
  return configSchema.parse({});
}

function laterFirst(a: readonly PropertyKey[], b: readonly PropertyKey[]): number {
  return Number(b[1]) - Number(a[1]) || 0;
}

/** The element of the list or the mapping below the section that is wrong; else the section. */
function takeOut(value: Mapping, [section, element]: readonly PropertyKey[]): void {
  if (typeof section !== 'string') return;
  const inside = value[section];
  if (Array.isArray(inside) && typeof element === 'number') {
    inside.splice(element, 1);
  } else if (isMapping(inside) && typeof element === 'string' && element in inside) {
    Reflect.deleteProperty(inside, element);
  } else Reflect.deleteProperty(value, section);
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

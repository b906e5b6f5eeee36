import { valueAt } from './explain-issue.ts';
import type { LoadedConfig } from './load.ts';
import { configJsonSchema } from './schema.ts';

/** One value as a person would write it, and where it comes from: `file:line`, or `default`. */
export interface EffectiveValue {
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
  readonly origin: string;
}

/** Every value in force, in the schema's order. Secrets are references and shown as such. */
export function effectiveValues(loaded: LoadedConfig): readonly EffectiveValue[] {
  return walk(configJsonSchema(), [], loaded);
}

function walk(schema: unknown, path: readonly PropertyKey[], loaded: LoadedConfig): readonly EffectiveValue[] {
  const written = loaded.yaml === null ? undefined : valueAt(loaded.yaml.value, path);
  const properties = valueAt(schema, ['properties']);
  if (typeof properties === 'object' && properties !== null) {
    return Object.entries(properties).flatMap(([key, inner]) => walk(inner, [...path, key], loaded));
  }
  const named = valueAt(schema, ['additionalProperties', 'properties']);
  if (named !== undefined && typeof written === 'object' && written !== null) {
    return Object.keys(written).flatMap((key) =>
      walk(valueAt(schema, ['additionalProperties']), [...path, key], loaded),
    );
  }
  if (Array.isArray(written) && valueAt(schema, ['items', 'properties']) !== undefined) {
    return written.flatMap((_, index) => walk(valueAt(schema, ['items']), [...path, index], loaded));
  }
  if (written !== undefined) {
    const line = loaded.yaml?.locate(path)?.line ?? 0;
    return [{ path, value: written, origin: `${loaded.file ?? ''}:${String(line)}` }];
  }
  const value = valueAt(schema, ['default']);
  // Keys without a default (a check's own pool, say) are inherited and shown where they come from.
  return value === undefined ? [] : [{ path, value, origin: 'default' }];
}

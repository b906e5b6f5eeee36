import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { ConfigError } from './config-error.ts';
import type { SecretReference } from './fields.ts';
import type { Environment } from './load.ts';
import { readTextFile } from './read-yaml.ts';

/** Resolves secrets by name at the moment they are needed. Values are never kept, logged or part of a message. */
export interface Secrets {
  readonly names: readonly string[];
  /**
   * The secret's text, without its last line break.
   * @throws UsageError `config/unknown-secret` for a name that is not configured, `config/secret-unreadable` when the
   *   reference leads nowhere.
   */
  resolve(name: string): string;
  /** One line for each secret whose file other users can read. */
  warnings(): readonly string[];
}

/** `references` have absolute paths, as `settings` makes them. */
export function createSecrets(references: Readonly<Record<string, SecretReference>>, env: Environment): Secrets {
  return {
    names: Object.keys(references),
    resolve(name) {
      const reference = Object.hasOwn(references, name) ? references[name] : undefined;
      if (reference === undefined) {
        throw new UsageError('config/unknown-secret', `secret ${name}: is not configured; add it under secrets`);
      }
      // Secrets of forges and stores have their place in the configuration for a name.
      const key = /^(forges|store)[.[]/.test(name) ? name : `secrets.${name}`;
      return readReference({ name: `secret ${name}`, key }, reference, env);
    },
    warnings() {
      return Object.entries(references).flatMap(([name, reference]) => {
        if (!('file' in reference)) return [];
        const mode = statSync(reference.file, { throwIfNoEntry: false })?.mode ?? 0;
        if ((mode & 0o077) === 0) return [];
        return [`secret ${name}: ${reference.file} is open to other users; run: chmod 600 ${reference.file}`];
      });
    },
  };
}

/** The reference with the path that `expand` makes of its file's. */
export function absoluteReference(reference: SecretReference, expand: (path: string) => string): SecretReference {
  return 'file' in reference ? { file: expand(reference.file) } : reference;
}

/** Who a reference belongs to, for messages: what people call it, and its place in the configuration. */
export interface ReferenceName {
  readonly name: string;
  readonly key: string;
}

/**
 * The text behind a reference, read now, without its last line break.
 * @throws UsageError `config/secret-unreadable`
 */
export function readReference(of: ReferenceName, reference: SecretReference, env: Environment): string {
  const text = 'file' in reference ? fromFile(of, reference.file) : env[reference.env];
  if (text !== undefined && text !== '') return text;
  const where = 'file' in reference ? `its file ${reference.file}` : `the variable ${reference.env}`;
  throw new UsageError('config/secret-unreadable', `${of.name}: ${where} is empty or not set; see ${of.key}`);
}

/**
 * The same for what has its key path in the configuration for a name. Called at each use, a changed file is taken without a restart.
 * @throws UsageError `config/secret-unreadable`
 */
export function readReferenceAt(key: string, reference: SecretReference, env: Environment): string {
  return readReference({ name: key, key }, reference, env);
}

/** `~/x` below home, a relative path below `base`. */
export function expandPath(path: string, base: string, home: string): string {
  if (path === '~') return home;
  if (path.startsWith('~/')) return join(home, path.slice(2));
  return isAbsolute(path) ? path : join(base, path);
}

function fromFile({ name, key }: ReferenceName, file: string): string {
  try {
    return readTextFile(file).replace(/\r?\n$/, '');
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new UsageError('config/secret-unreadable', `${name}: ${cause.message}; see ${key}`, {
      cause,
    });
  }
}

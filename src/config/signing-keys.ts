import { existsSync } from 'node:fs';
import { UsageError } from '../base/errors.ts';
import type { SecretReference } from './fields.ts';
import type { Environment } from './load.ts';
import { readReferenceAt } from './secrets.ts';
import { signingKey, type StatePaths } from './state-dir.ts';

const leastKeyLength = 32;

/** What is configured about signing. */
export interface SigningSettings {
  readonly signingKeys: readonly SecretReference[];
}

/** Every reference to a signing key under the key path where it stands, in their order. */
export function signingKeyReferences({ signingKeys }: SigningSettings): Readonly<Record<string, SecretReference>> {
  return Object.fromEntries(
    signingKeys.map((reference, index) => [`dispatch.signingKeys[${String(index)}]`, reference]),
  );
}

/**
 * The keys that sign orders (R10), the one that signs first. Configured ones survive the loss of the machine: the workers of
 * the lost server are then believed by the new one. The state directory's own is made when none is configured, and stays good
 * beside the configured ones, so that running jobs outlive the change.
 * @throws UsageError `config/signing-key`, `config/secret-unreadable`
 */
export function signingKeys(
  { paths, dispatch }: { readonly paths: StatePaths; readonly dispatch: SigningSettings },
  env: Environment,
): readonly [string, ...string[]] {
  const [first, ...more] = Object.entries(signingKeyReferences(dispatch)).map(([name, reference]) => {
    const key = readReferenceAt(name, reference, env);
    if (key.length >= leastKeyLength) return key;
    const text = `${name}: has ${String(key.length)} characters, at least ${String(leastKeyLength)} are needed; make one: openssl rand -hex 32`;
    throw new UsageError('config/signing-key', text);
  });
  if (first === undefined) return [signingKey(paths)];
  return [first, ...more, ...(existsSync(paths.signingKeyFile) ? [signingKey(paths)] : [])];
}

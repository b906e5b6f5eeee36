import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** What may lie in a state directory at rest; everything else was forgotten by somebody. `*` is one name. */
const atRest = [
  'ledger.sqlite',
  'ledger.sqlite-shm',
  'ledger.sqlite-wal',
  'ledger.sqlite.before-*',
  'server.lock',
  'server.lock.pid',
  'signing.key',
  'store/objects/**',
  'store/kinds/**',
  'forge/**',
  'cache/**',
  'worker/*/lock',
  'worker/*/lock.pid',
  'worker/*/session',
  'worker/*/installation',
  'worker/*/spool/.reserve',
  'worker/*/process-runs/guard-*.sh',
  'worker/*/podman-runs/guard-*.sh',
  // Of starts that were killed; the first one a minute later takes them away.
  'worker/*/process-runs/trials/**',
  // Of processes that were killed while they came; the first start an hour later takes them away.
  'queue/q-*.lock',
  'queue/q-*.lock.pid',
  'queue/q-*.sock',
  // Of puts that were killed; the first start an hour later takes them away.
  'store/staging/*',
];

/** Files below `stateDir` that should not be there when everything has come to rest and been stopped. */
export function leftovers(stateDir: string): readonly string[] {
  const patterns = atRest.map((pattern) => {
    const source = pattern.replace(/[.]/g, '\\.').replace(/\*\*/g, '\0').replace(/\*/g, '[^/]*').replace(/\0/g, '.*');
    return new RegExp(`^${source}$`);
  });
  return filesBelow(stateDir).filter((path) => !patterns.some((pattern) => pattern.test(path)));
}

/** All files below `dir`, by their paths from there. */
export function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1));
}

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../base/errors.ts';

const issued = z.object({
  name: z.string(),
  kind: z.enum(['worker', 'server', 'broker']),
  pools: z.array(z.string()),
  hosts: z.array(z.string()),
  serial: z.string(),
  issuedAt: z.number(),
  expiresAt: z.number(),
  revokedAt: z.number().nullable(),
});

/**
 * A certificate that the authority signed. `pools`: whose jobs a worker may take; `hosts`: the names of a broker. Times are epoch
 * ms; `revokedAt` null: it counts until it expires.
 */
export type Issued = Readonly<z.output<typeof issued>>;

const file = 'issued.json';
const shape = z.object({ v: z.literal(1), issued: z.array(issued) });

/** What was signed so far, oldest first. @throws UsageError `cli/credentials` */
export function readIssued(dir: string): readonly Issued[] {
  const path = join(dir, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw new UsageError('cli/credentials', `${path} cannot be read`, { cause });
  }
  let decoded: unknown = null;
  try {
    decoded = JSON.parse(text);
  } catch {
    // Said below.
  }
  const parsed = shape.safeParse(decoded);
  if (!parsed.success) throw new UsageError('cli/credentials', `${path} is broken; take it from a backup`);
  return parsed.data.issued;
}

/** Writes the list whole or not at all; durable when it returns. */
export function writeIssued(dir: string, all: readonly Issued[]): void {
  const path = join(dir, file);
  const draft = `${path}.${String(process.pid)}`;
  const handle = openSync(draft, 'w', 0o600);
  try {
    writeSync(handle, `${JSON.stringify({ v: 1, issued: all }, null, 2)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, path);
}

/** The broker's users, as far as certificates tell. `server` null: none was made for one. */
export interface Members {
  readonly server: string | null;
  readonly workers: readonly { readonly name: string; readonly pools: readonly string[] }[];
  readonly revoked: readonly string[];
}

/** Who counts now. A name with a newer certificate counts by that; a revoked one is kept out while its certificate is valid. */
export function membersOf(all: readonly Issued[], now: number): Members {
  const users = new Map(all.filter(({ kind }) => kind !== 'broker').map((one) => [one.name, one]));
  const kept = [...users.values()].filter(({ revokedAt }) => revokedAt === null);
  return {
    server: kept.findLast(({ kind }) => kind === 'server')?.name ?? null,
    workers: kept.flatMap(({ kind, name, pools }) => (kind === 'worker' ? [{ name, pools }] : [])),
    revoked: [...users.values()].flatMap(({ name, revokedAt, expiresAt }) =>
      revokedAt !== null && expiresAt > now ? [name] : [],
    ),
  };
}

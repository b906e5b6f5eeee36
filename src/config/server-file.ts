import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

/** How a client of the same user reaches the running server. */
export interface ServerFile {
  /** Address without trailing slash, e.g. `http://127.0.0.1:8250`. */
  readonly url: string;
  /** Bearer token of whatever changes something. */
  readonly token: string;
  readonly pid: number;
}

/** What a look at the file found. `stale`: the server that wrote it is dead. */
export type ServerFound =
  | { readonly kind: 'running'; readonly server: ServerFile }
  | { readonly kind: 'stale'; readonly pid: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'unsafe'; readonly why: string };

const shape = z.object({ url: z.url({ protocol: /^https?$/ }), token: z.string().min(16), pid: z.int().min(1) });

/** Writes the file whole or not at all, for this user alone. */
export function writeServerFile(file: string, server: ServerFile): void {
  const draft = `${file}.${String(process.pid)}`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify(server)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, file);
}

/** Removes the file if it is still ours (another server may have started meanwhile). */
export function removeServerFile(file: string, pid: number): void {
  const found = findServer(file, () => true);
  if (found.kind === 'running' && found.server.pid === pid) rmSync(file, { force: true });
}

/** Reads the file. One that others may read or write is not believed: the token in it would be anybody's. */
export function findServer(file: string, isAlive: (pid: number) => boolean = isProcessAlive): ServerFound {
  let text: string;
  try {
    const found = lstatSync(file);
    if (!found.isFile()) return { kind: 'unsafe', why: 'is not a regular file' };
    if ((found.mode & 0o077) !== 0) return { kind: 'unsafe', why: 'is open to other users' };
    if (found.size > 65536) return { kind: 'unsafe', why: 'is too large' };
    text = readFileSync(file, 'utf8');
  } catch {
    return { kind: 'none' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'unsafe', why: 'is broken' };
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success) return { kind: 'unsafe', why: 'is broken' };
  if (!isAlive(parsed.data.pid)) return { kind: 'stale', pid: parsed.data.pid };
  return { kind: 'running', server: parsed.data };
}

function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import { userDirectory, type Environment } from './load.ts';

/** Where everything stands. All absolute. Only `prepareStateDir` creates anything. */
export interface StatePaths {
  readonly stateDir: string;
  readonly ledgerFile: string;
  /** Held by the one server (R15). */
  readonly lockFile: string;
  readonly queueFile: string;
  readonly queueSocket: string;
  /** Logs and attachments. */
  readonly storeDir: string;
  /** Where `groundcrew hook` leaves its notes for the server. */
  readonly hookDir: string;
  /** Running attempts and unsent finals of the worker. */
  readonly workerDir: string;
  /** Mirrors of repositories; may be deleted at any time. */
  readonly cacheDir: string;
  readonly serverFile: string;
  readonly signingKeyFile: string;
  readonly examplesDir: string;
}

/** What decides about the paths; null or absent: the default. */
export interface StatePlace {
  readonly env: Environment;
  readonly stateDir: string | null;
  readonly storeDir: string | null;
  readonly cacheDir: string | null;
}

/** Computes all paths; touches nothing. */
export function statePaths(place: StatePlace): StatePaths {
  const stateDir = place.stateDir ?? userDirectory(place.env, 'XDG_STATE_HOME', ['.local', 'state']);
  const cacheDir =
    place.cacheDir ??
    (place.stateDir === null ? userDirectory(place.env, 'XDG_CACHE_HOME', ['.cache']) : join(stateDir, 'cache'));
  return {
    stateDir,
    ledgerFile: join(stateDir, 'ledger.sqlite'),
    lockFile: join(stateDir, 'server.lock'),
    queueFile: join(stateDir, 'ledger.sqlite'),
    queueSocket: join(stateDir, 'queue.sock'),
    storeDir: place.storeDir ?? join(stateDir, 'store'),
    hookDir: join(stateDir, 'hooks'),
    workerDir: join(stateDir, 'worker'),
    cacheDir,
    serverFile: join(stateDir, 'server.json'),
    signingKeyFile: join(stateDir, 'signing.key'),
    examplesDir: join(stateDir, 'examples'),
  };
}

/**
 * Creates the directories for this user alone (0700). Repeating it is harmless.
 * @throws UsageError `config/state-dir` when one cannot be made, is not a directory, or is another user's.
 */
export function prepareStateDir(paths: StatePaths): void {
  const made = [paths.stateDir, paths.storeDir, paths.hookDir, paths.workerDir, paths.cacheDir, paths.examplesDir];
  for (const dir of made) {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new UsageError(
        'config/state-dir',
        `${dir}: cannot be created (${systemCode(cause)}); set stateDir or --state-dir`,
        { cause },
      );
    }
  }
  const found = statSync(paths.stateDir);
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) {
    throw new UsageError('config/state-dir', `${paths.stateDir}: belongs to another user; set stateDir or --state-dir`);
  }
  // It holds tokens and the signing key, so it is nobody else's, however it was made.
  if ((found.mode & 0o077) !== 0) chmodSync(paths.stateDir, 0o700);
}

/**
 * The key that signs job envelopes (R10), made at the first call: 64 hex digits, mode 0600. Two processes that make it at once
 * agree on one.
 * @throws UsageError `config/signing-key` when the file holds no key, or cannot be read or written.
 */
export function signingKey(paths: StatePaths): string {
  for (let round = 0; round < 2; round += 1) {
    const found = readKey(paths.signingKeyFile);
    if (found !== null) return found;
    const draft = `${paths.signingKeyFile}.${String(process.pid)}.${randomBytes(4).toString('hex')}`;
    try {
      writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
      // link fails when somebody was faster; then theirs is read.
      linkSync(draft, paths.signingKeyFile);
    } catch (cause) {
      const why = systemCode(cause);
      if (why !== 'EEXIST') {
        throw new UsageError(
          'config/signing-key',
          `${paths.signingKeyFile}: cannot be written (${why}); see to the disk and the rights of the directory`,
          { cause },
        );
      }
    } finally {
      rmSync(draft, { force: true });
    }
  }
  throw new UsageError('config/signing-key', `${paths.signingKeyFile}: cannot be read back; check the directory`);
}

function readKey(file: string): string | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const why = systemCode(cause);
    if (why === 'ENOENT') return null;
    throw new UsageError('config/signing-key', `${file}: cannot be read (${why}); see to its rights`, { cause });
  }
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new UsageError('config/signing-key', `${file}: holds no key; remove it and a new one is made`);
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

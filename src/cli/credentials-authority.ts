import { X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError, isGroundcrewError } from '../base/errors.ts';
import { exec } from '../base/exec.ts';
import { tryProcessLock } from '../base/process-lock.ts';
import type { Random } from '../base/random.ts';
import { readIssued, writeIssued, type Issued } from './credentials-list.ts';

/** Where an authority of our own lives, and what it works with. */
export interface AuthorityPlace {
  /** Directory for this user alone. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly random: Random;
  /** Epoch ms. */
  readonly now: () => number;
}

/** Who gets a certificate. `hosts`: DNS names and addresses of a broker. */
export interface IssueOrder extends Pick<Issued, 'name' | 'kind' | 'pools' | 'hosts'> {
  readonly validDays: number;
}

/** PEM files. The key is readable by this user alone. */
export interface IssuedFiles {
  readonly issued: Issued;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const;

/** The files of the authority itself. */
export function authorityFiles(dir: string): { readonly caFile: string; readonly caKeyFile: string } {
  return { caFile: join(dir, 'ca.pem'), caKeyFile: join(dir, 'ca.key') };
}

/**
 * Makes the authority, unless it is there. Its key signs whoever may speak to the broker: keep it off the servers.
 * @throws UsageError `cli/credentials`
 */
export async function makeAuthority(place: AuthorityPlace, validDays: number): Promise<'made' | 'found'> {
  return await alone(place, async () => {
    const { caFile, caKeyFile } = authorityFiles(place.dir);
    if (existsSync(caFile) && existsSync(caKeyFile)) return 'found';
    if (existsSync(caFile) || existsSync(caKeyFile)) {
      throw new UsageError('cli/credentials', `${place.dir} holds only one of ca.pem and ca.key; bring the other back`);
    }
    await inDraft(place, async (draft) => {
      const [key, cert] = [join(draft, 'ca.key'), join(draft, 'ca.pem')];
      await openssl(place, [
        ...['req', '-x509', '-sha256', ...newKey, '-keyout', key, '-out', cert],
        ...['-days', String(validDays), '-set_serial', serialOf(place.random)],
        ...['-subj', `/CN=groundcrew ${place.random.hex(4)}`],
        ...[
          '-addext',
          'basicConstraints=critical,CA:TRUE,pathlen:0',
          '-addext',
          'keyUsage=critical,keyCertSign,cRLSign',
        ],
      ]);
      chmodSync(key, 0o600);
      renameSync(key, caKeyFile);
      renameSync(cert, caFile);
    });
    return 'made';
  });
}

/**
 * Signs a certificate for a new key. The same name again gets a second certificate, for a renewal; a name that was revoked gets
 * none as long as the revoked certificate would be valid: for the broker they are the same user.
 * @throws UsageError `cli/credentials`
 */
export async function issueCertificate(place: AuthorityPlace, order: IssueOrder): Promise<IssuedFiles> {
  return await alone(place, async () => {
    const { caFile, caKeyFile } = authorityFiles(place.dir);
    if (!existsSync(caFile) || !existsSync(caKeyFile)) {
      throw new UsageError(
        'cli/credentials',
        `there is no authority in ${place.dir}; groundcrew credentials ca makes it`,
      );
    }
    const all = readIssued(place.dir);
    refuseName(all, order, place.now());
    const base = join(place.dir, order.name);
    const [certFile, keyFile] = [`${base}.pem`, `${base}.key`];
    return await inDraft(place, async (draft) => {
      const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((name) => join(draft, name)) as [
        string,
        string,
        string,
        string,
      ];
      await openssl(place, ['req', ...newKey, '-keyout', key, '-out', request, '-subj', `/CN=${order.name}`]);
      chmodSync(key, 0o600);
      writeFileSync(extensions, extensionsOf(order));
      const serial = serialOf(place.random);
      await openssl(place, [
        ...['x509', '-req', '-sha256', '-in', request, '-CA', caFile, '-CAkey', caKeyFile, '-set_serial', serial],
        ...['-days', String(order.validDays), '-extfile', extensions, '-out', cert],
      ]);
      const made = new X509Certificate(await readText(cert));
      const issued: Issued = {
        name: order.name,
        kind: order.kind,
        pools: [...order.pools],
        hosts: [...order.hosts],
        serial: made.serialNumber,
        issuedAt: place.now(),
        expiresAt: Date.parse(made.validTo),
        revokedAt: null,
      };
      // Remembered first: a certificate that nobody knows of could not be revoked.
      writeIssued(place.dir, [...all, issued]);
      keepOld(keyFile);
      renameSync(key, keyFile);
      renameSync(cert, certFile);
      return { issued, caFile, certFile, keyFile };
    });
  });
}

/**
 * Marks every certificate of a name as revoked; the broker has to be told besides. Twice is harmless.
 * @throws UsageError `cli/credentials` for a name that has none.
 */
export async function revokeName(place: AuthorityPlace, name: string): Promise<readonly Issued[]> {
  return await alone(place, async () => {
    const all = readIssued(place.dir);
    if (!all.some((one) => one.name === name)) {
      throw new UsageError('cli/credentials', `nobody called ${name} has a certificate from ${place.dir}`);
    }
    const now = place.now();
    const next = all.map((one) => (one.name === name ? { ...one, revokedAt: one.revokedAt ?? now } : one));
    writeIssued(place.dir, next);
    return await Promise.resolve(next);
  });
}

function refuseName(all: readonly Issued[], { name, kind }: IssueOrder, now: number): void {
  const before = all.filter((one) => one.name === name);
  const revoked = before.find((one) => one.revokedAt !== null && one.expiresAt > now);
  if (revoked !== undefined) {
    const until = new Date(revoked.expiresAt).toISOString().slice(0, 10);
    throw new UsageError(
      'cli/credentials',
      `${name} was revoked, and its old certificate is valid until ${until}; take another name`,
    );
  }
  const other = before.find((one) => one.kind !== kind);
  if (other !== undefined) throw new UsageError('cli/credentials', `${name} is the name of a ${other.kind} already`);
}

function extensionsOf({ kind, name, hosts }: IssueOrder): string {
  const names = kind === 'broker' ? hosts : [name];
  const altNames = names.map((host) => (/^[\d.]+$|:/.test(host) ? `IP:${host}` : `DNS:${host}`));
  return [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    `extendedKeyUsage=${kind === 'broker' ? 'serverAuth' : 'clientAuth'}`,
    `subjectAltName=${altNames.join(',')}`,
    '',
  ].join('\n');
}

/** The old key stays beside the new one until somebody has moved it: the old certificate is still in use. */
function keepOld(keyFile: string): void {
  for (const file of [keyFile, keyFile.replace(/\.key$/, '.pem')]) {
    if (!existsSync(file)) continue;
    rmSync(`${file}.old`, { force: true });
    linkSync(file, `${file}.old`);
  }
}

/** 127 random bits: positive, and at most 20 bytes (RFC 5280, 4.1.2.2). */
function serialOf(random: Random): string {
  return `0x4${random.hex(16).slice(1)}`;
}

async function readText(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return await readFile(file, 'utf8');
}

/** A directory below `dir` that is gone afterwards, with whatever key was in it. */
async function inDraft<T>({ dir }: AuthorityPlace, work: (draft: string) => Promise<T>): Promise<T> {
  const draft = mkdtempSync(join(dir, '.draft-'));
  try {
    return await work(draft);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function alone<T>({ dir }: AuthorityPlace, work: () => Promise<T>): Promise<T> {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodSync(dir, 0o700);
  } catch (cause) {
    throw new UsageError('cli/credentials', `${dir} cannot be made ours alone; name another with --dir`, { cause });
  }
  const lock = tryProcessLock(join(dir, 'lock'));
  if (lock === null) throw new UsageError('cli/credentials', `another groundcrew works in ${dir}; try again`);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function openssl({ env }: AuthorityPlace, args: readonly string[]): Promise<void> {
  const { PATH = '/usr/bin:/bin', HOME = '/' } = env;
  let ended: Awaited<ReturnType<typeof exec>>;
  try {
    // Without the machine's own openssl.cnf, which may add extensions.
    ended = await exec(['openssl', ...args], {
      env: { PATH, HOME, LC_ALL: 'C', OPENSSL_CONF: '/dev/null' },
      timeoutMs: 30_000,
    });
  } catch (cause) {
    if (!isGroundcrewError(cause)) throw cause;
    throw new UsageError('cli/credentials', 'openssl is not installed here; it makes keys and certificates', { cause });
  }
  if (ended.exitCode === 0) return;
  const why = ended.stderr.toString('utf8').trim().split('\n').at(-1) ?? '';
  throw new UsageError('cli/credentials', `openssl ${args[0] ?? ''} failed: ${why}`);
}

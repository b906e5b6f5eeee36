import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import type { Environment } from '../../config/load.ts';
import { readTextFile } from '../../config/read-yaml.ts';
import { readReferenceAt } from '../../config/secrets.ts';
import type { StatePaths } from '../../config/state-dir.ts';
import { isRemote, mirrorPath, type StoreKind, type StoreSettings } from '../../config/store-settings.ts';
import { isTransientKey } from '../../logs/log-layout.ts';
import { createDirectoryStore } from '../../storage/directory/directory-store.ts';
import { createMirroredStore } from '../../storage/mirrored-store.ts';
import { createMirrorFilling, type MirrorFilling } from '../../storage/mirror-filling.ts';
import type { ObjectStore, StoreGrants } from '../../storage/object-store.ts';
import { probePrefix } from '../../storage/probe-prefix.ts';
import type { S3Store } from '../../storage/s3/s3-store.ts';
import type { StoreFinding } from '../wiring.ts';

/** One store of the configuration, opened. */
export interface NamedStore {
  /** Its place in the configuration: `store`, `store.mirrors[0]`. */
  readonly name: string;
  readonly kind: StoreKind;
  readonly store: ObjectStore;
  /** Removes what killed processes left half-written; returns how many pieces. */
  sweep(olderThanMs: number): Promise<number>;
  readonly grants: StoreGrants;
  /** Finds out whether it can be used, and how it differs, by trying; in words. @throws GroundcrewError */
  trial(): Promise<string>;
  close(): Promise<void>;
}

/** The stores of a configuration. */
export interface OpenStores {
  /** For those who read and delete: falls over to the mirrors, and what is put goes to all. */
  readonly store: ObjectStore;
  /** Where new objects go first; the mirrors get their copies when something is complete. */
  readonly primary: NamedStore;
  readonly mirrors: readonly NamedStore[];
  readonly isRemote: boolean;
  /** Of all of them. One that is away is told and left out. */
  sweep(olderThanMs: number): Promise<number>;
  readonly filling: MirrorFilling;
  close(): Promise<void>;
}

/** What opening stores needs besides their settings. */
export interface StorePlace {
  readonly env: Environment;
  readonly logger: Logger;
}

/** The directory of this machine: `run` needs no server, and no bucket. */
export const openLocalStore = (paths: StatePaths): Promise<ObjectStore> =>
  createDirectoryStore({ root: paths.storeDir, clock: systemClock });

const noGrants: StoreGrants = { isGranting: false, grantBelow: () => Promise.resolve(null) };

/** Opens them, speaking to nobody yet: a store that is away keeps no server from starting. Loads the adapters that are needed. */
export async function openStores(settings: StoreSettings, place: StorePlace): Promise<OpenStores> {
  const { logger } = place;
  const ca = settings.caFile === null ? {} : { ca: readTextFile(settings.caFile) };
  const primary = await openKind('store', settings.primary, { ...place, ...ca });
  const mirrors: NamedStore[] = [];
  for (const [index, kind] of settings.mirrors.entries()) {
    mirrors.push(await openKind(mirrorPath(index), kind, { ...place, ...ca }));
  }
  const filling = createMirrorFilling({
    primary: primary.store,
    mirrors,
    isTransient: (key) => isTransientKey(key.slice(0, Math.max(0, key.lastIndexOf('/'))), key),
    clock: systemClock,
    logger,
  });
  const store =
    mirrors.length === 0
      ? primary.store
      : createMirroredStore({
          primary: primary.store,
          mirrors: mirrors.map((mirror) => mirror.store),
          onTrouble: (index, error) => {
            const mirror = mirrors[index];
            if (mirror !== undefined) filling.failed(mirror.name, error);
          },
          clock: systemClock,
        });
  return {
    store,
    primary,
    mirrors,
    filling,
    isRemote: isRemote(settings),
    async sweep(olderThanMs) {
      let swept = await primary.sweep(olderThanMs);
      for (const mirror of mirrors) {
        try {
          swept += await mirror.sweep(olderThanMs);
        } catch (error) {
          filling.failed(mirror.name, error);
        }
      }
      return swept;
    },
    async close() {
      for (const one of [primary, ...mirrors]) await one.close();
    },
  };
}

/** Tries each; one that cannot be used keeps nobody from trying the next. */
export async function tryStores({ primary, mirrors }: OpenStores): Promise<readonly StoreFinding[]> {
  const findings: StoreFinding[] = [];
  for (const one of [primary, ...mirrors]) {
    const place = { name: one.name, isMirror: one !== primary };
    try {
      findings.push({ ...place, code: null, what: await one.trial() });
    } catch (error) {
      if (!isGroundcrewError(error)) throw error;
      findings.push({ ...place, code: error.code, what: errorLine(error) });
    }
  }
  return findings;
}

async function openKind(
  name: string,
  kind: StoreKind,
  place: StorePlace & { readonly ca?: string },
): Promise<NamedStore> {
  switch (kind.kind) {
    case 'dir': {
      const store = await createDirectoryStore({ root: kind.dir, clock: systemClock });
      return {
        name,
        kind,
        store,
        sweep: (olderThanMs) => store.sweep(olderThanMs),
        grants: noGrants,
        trial: () => Promise.resolve(`directory ${join(kind.dir, 'objects')}`),
        close: () => Promise.resolve(),
      };
    }
    case 's3':
      return openBucket(name, kind, place);
    case 'http':
      return openFolder(name, kind, place);
    default:
      return kind satisfies never;
  }
}

async function openBucket(
  name: string,
  kind: StoreKind & { readonly kind: 's3' },
  { env, logger, ca }: StorePlace & { readonly ca?: string },
): Promise<NamedStore> {
  const { openS3Store } = await import('../../storage/s3/s3-store.ts');
  const { bucket, prefix, region, endpoint, addressing, publicUrl, keys } = kind;
  const secret = (key: string, reference: NonNullable<typeof keys>['id']): string =>
    readReferenceAt(`${name}.s3.${key}`, reference, env);
  const store = await openS3Store({
    bucket,
    prefix,
    region,
    endpoint,
    addressing,
    publicUrl,
    keys:
      keys === null
        ? null
        : () => ({
            accessKeyId: secret('accessKeyId', keys.id),
            secretAccessKey: secret('secretAccessKey', keys.secret),
          }),
    dialect: null,
    clock: systemClock,
    random: systemRandom,
    logger,
    ...(ca === undefined ? {} : { ca }),
  });
  return {
    name,
    kind,
    store,
    sweep: (olderThanMs) => store.sweep(olderThanMs),
    grants: kind.grants === 'none' ? noGrants : formGrants(store, kind.grants === 'typed-form'),
    async trial() {
      const { takesAcl, isConditional, hasRanges, hidesAbsent } = await store.dialect();
      const found = [
        takesAcl ? 'takes ACLs' : 'no ACLs',
        isConditional ? 'keeps If-None-Match' : 'overlooks If-None-Match',
        hasRanges ? 'reads ranges' : 'reads no ranges',
        ...(hidesAbsent ? ['hides what is absent'] : []),
        ...(kind.grants === 'none' ? [] : [await tryForm(store, ca)]),
      ];
      // Retention, pages and recovery list; a key that may not is found here and not by them.
      for await (const _ of store.list(probePrefix)) break;
      return `bucket ${bucket} at ${endpoint ?? `AWS, ${region}`}: ${found.join(', ')}`;
    },
    close: () => store.close(),
  };
}

async function openFolder(
  name: string,
  kind: StoreKind & { readonly kind: 'http' },
  { env, ca }: StorePlace & { readonly ca?: string },
): Promise<NamedStore> {
  const { openHttpStore } = await import('../../storage/http/http-store.ts');
  const { url, publicUrl, token: reference } = kind;
  const key = `${name}.http.token`;
  const token = reference === null ? null : (): string => readReferenceAt(key, reference, env);
  const store = openHttpStore({
    url,
    publicUrl,
    token,
    clock: systemClock,
    random: systemRandom,
    ...(ca === undefined ? {} : { ca }),
  });
  return {
    name,
    kind,
    store,
    // Of trials alone: a server writes to a file of its own, and puts it in place when it is complete.
    sweep: (olderThanMs) => store.sweep(olderThanMs),
    grants: kind.grants === 'none' ? noGrants : tokenGrants(url, token),
    async trial() {
      const { lists, hasRanges } = await store.trial();
      if (!lists) {
        throw new GroundcrewError(
          'storage/cannot-list',
          `${url}: no PROPFIND, so old runs stay, pages show no attachments, and a lost ledger finds no results`,
        );
      }
      return `folder ${url}: lists, ${hasRanges ? 'reads ranges' : 'reads no ranges'}`;
    },
    close: () => {
      store.close();
      return Promise.resolve();
    },
  };
}

/** The token itself, which writes everywhere in the store: only where the operator wants it so. */
function tokenGrants(url: string, token: (() => string) | null): StoreGrants {
  return {
    isGranting: true,
    grantBelow: (prefix, validMs) =>
      Promise.resolve({
        grant: { kind: 'http', url: `${url}objects/${prefix}/`, token: token === null ? null : token() },
        validMs,
      }),
  };
}

/** Puts something with a form as a worker would. @throws GroundcrewError when the store lets none in */
async function tryForm(store: S3Store, ca: string | undefined): Promise<string> {
  const { openGrantedStore } = await import('../../storage/granted/granted-store.ts');
  const prefix = `${probePrefix}${systemRandom.hex(8)}`;
  const { form } = await store.form(prefix, 300_000);
  const worker = openGrantedStore({
    grants: { wait: () => Promise.resolve(form), refuse: () => undefined },
    prefix,
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
    ...(ca === undefined ? {} : { ca }),
  });
  try {
    const kind = { contentType: 'text/plain; charset=utf-8', visibility: 'public' } as const;
    await worker.put(`${prefix}/form`, { bytes: Buffer.from('groundcrew: may be deleted\n') }, kind);
    return 'takes forms';
  } catch (cause) {
    const why = `takes no forms, by which workers of other machines write (s3.grants): ${errorLine(cause)}`;
    throw new GroundcrewError('storage/no-forms', why, { cause });
  } finally {
    worker.close();
    await store.delete(`${prefix}/form`);
  }
}

/** `isStrict`: a worker that knows no typed forms gets them nevertheless, so its logs wait on its disk for its upgrade. */
function formGrants(store: S3Store, isStrict: boolean): StoreGrants {
  return {
    isGranting: true,
    async grantBelow(prefix, validMs, isTyped = true) {
      const { form, validMs: granted } = await store.form(prefix, validMs, isTyped || isStrict);
      return { grant: form, validMs: granted };
    },
  };
}

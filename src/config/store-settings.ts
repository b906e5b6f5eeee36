import type { SecretReference } from './fields.ts';
import type { HttpConfig, S3Config, StoreConfig } from './store-options.ts';
import { absoluteReference } from './secrets.ts';

/** One store as the configuration describes it; the secrets by reference, with absolute paths. */
export type StoreKind =
  | { readonly kind: 'dir'; readonly dir: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** `''`, or ends in `/`. */
      readonly prefix: string;
      readonly endpoint: string | null;
      readonly region: string;
      readonly addressing: 'host' | 'path';
      /** Null: what AWS's tools find. */
      readonly keys: { readonly id: SecretReference; readonly secret: SecretReference } | null;
      /** Ends in `/`. */
      readonly publicUrl: string | null;
      readonly grants: 'form' | 'typed-form' | 'none';
    }
  | {
      readonly kind: 'http';
      /** Ends in `/`, like `publicUrl`. */
      readonly url: string;
      readonly token: SecretReference | null;
      readonly publicUrl: string | null;
      readonly grants: 'token' | 'none';
    };

/** Where logs and attachments stay. */
export interface StoreSettings {
  readonly primary: StoreKind;
  readonly mirrors: readonly StoreKind[];
  /** Certificates (PEM) besides those of the system. */
  readonly caFile: string | null;
}

/** True when others than this machine may be in the way: each request costs time and money. */
export function isRemote({ primary }: Pick<StoreSettings, 'primary'>): boolean {
  return primary.kind !== 'dir';
}

/** Fills in what follows from the rest. `dir`: where a directory stands that nobody named. */
export function storeSettings(
  store: StoreConfig,
  { dir, expand }: { readonly dir: string; readonly expand: (path: string) => string },
): StoreSettings {
  return {
    primary: kindOf(store, expand) ?? { kind: 'dir', dir },
    // The schema lets none through that is no store.
    mirrors: store.mirrors.flatMap((mirror) => kindOf(mirror, expand) ?? []),
    caFile: store.ca === null ? null : expand(store.ca),
  };
}

/** Every reference of the stores under the key path where it stands, for checks. */
export function storeReferences(store: StoreSettings): Readonly<Record<string, SecretReference>> {
  const mirrors = store.mirrors.map((mirror, index) => referencesOf(mirrorPath(index), mirror));
  return Object.assign({}, referencesOf('store', store.primary), ...mirrors) as Record<string, SecretReference>;
}

/** Where a mirror stands in the configuration, for messages. */
export const mirrorPath = (index: number): string => `store.mirrors[${String(index)}]`;

/** What of one store is secret, under `path`. */
function referencesOf(path: string, kind: StoreKind): Readonly<Record<string, SecretReference>> {
  switch (kind.kind) {
    case 'dir':
      return {};
    case 's3':
      return kind.keys === null
        ? {}
        : { [`${path}.s3.accessKeyId`]: kind.keys.id, [`${path}.s3.secretAccessKey`]: kind.keys.secret };
    case 'http':
      return kind.token === null ? {} : { [`${path}.http.token`]: kind.token };
    default:
      return kind satisfies never;
  }
}

function kindOf(given: Pick<StoreConfig, 'dir' | 's3' | 'http'>, expand: (path: string) => string): StoreKind | null {
  if (given.s3 !== null) return s3Kind(given.s3, expand);
  if (given.http !== null) return httpKind(given.http, expand);
  return given.dir === null ? null : { kind: 'dir', dir: expand(given.dir) };
}

function s3Kind(s3: S3Config, expand: (path: string) => string): StoreKind {
  const { bucket, region, accessKeyId, secretAccessKey, grants } = s3;
  const isNamed = accessKeyId !== null && secretAccessKey !== null;
  return {
    kind: 's3',
    bucket,
    region,
    grants,
    prefix: s3.prefix === '' ? '' : withSlash(s3.prefix),
    endpoint: s3.endpoint?.replace(/\/+$/, '') ?? null,
    addressing: s3.addressing ?? (s3.endpoint === null ? 'host' : 'path'),
    keys: isNamed
      ? { id: absoluteReference(accessKeyId, expand), secret: absoluteReference(secretAccessKey, expand) }
      : null,
    publicUrl: s3.publicUrl === null ? null : withSlash(s3.publicUrl),
  };
}

function httpKind(http: HttpConfig, expand: (path: string) => string): StoreKind {
  return {
    kind: 'http',
    url: withSlash(http.url),
    token: http.token === null ? null : absoluteReference(http.token, expand),
    publicUrl: http.publicUrl === null ? null : withSlash(http.publicUrl),
    grants: http.grants,
  };
}

const withSlash = (text: string): string => (text.endsWith('/') ? text : `${text}/`);

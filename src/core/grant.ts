/** What only the server can give to an attempt: a way to fetch a private repository, a way to write to the store. */
export type GrantKind = 'fetch' | 'store';

/** Read-only, for git over HTTP (basic authentication), for one repository. In no log, process list or container. */
export interface FetchGrant {
  readonly username: string;
  readonly password: string;
}

/** Why jobs wait at the server: no token can be had to fetch this repository; or the store cannot be granted. `why`: the last failure, a line. */
export type GrantObstacle =
  | { readonly of: 'fetch'; readonly forge: string; readonly repo: string; readonly why: string }
  | { readonly of: 'store'; readonly why: string };

/** What a form is for; `contentType` null: for every one. */
export interface FormKind {
  readonly contentType: string | null;
  readonly disposition: 'inline' | 'attachment';
}

/** The part of a form that differs by what is put. */
export interface TypedForm extends FormKind {
  readonly policy: string;
  readonly signature: string;
}

/**
 * Writing below one attempt's own prefix in the store, and nothing else.
 * - `s3-form`: signed POST forms of S3 (POST Object with a policy). `fields.key` is where the keys begin: what an object is called below
 *   the prefix is added to it. Besides `fields` go `policy` and `x-amz-signature` of the first of `forms` that fits the object, and
 *   `Content-Type` and `Content-Disposition` (`inline` or `attachment`), always both. Absent `forms` (a server or a worker of 0.1):
 *   `fields` has them, for whatever type. Each object may have up to `maxObjectBytes`.
 * - `http`: PUT below `url`, which ends in `/`, with `token` as bearer; null: without.
 */
export type StoreGrant =
  | {
      readonly kind: 's3-form';
      readonly url: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly forms?: readonly TypedForm[];
      readonly maxObjectBytes: number;
    }
  | { readonly kind: 'http'; readonly url: string; readonly token: string | null };

/**
 * The server's answer to a claim or an `ask`. `validMs` counts from its arrival (no two clocks are compared) and is that of
 * `store` where there is one; `fetch` is for the checkout, at once, and good for a quarter of an hour at least.
 */
export interface Grant {
  readonly validMs: number;
  readonly fetch: FetchGrant | null;
  /** With `fetch` null: what a person has to do if it cannot be fetched without; a line. */
  readonly fetchHint?: string;
  readonly store: StoreGrant | null;
}

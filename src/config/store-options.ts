import { z } from 'zod';
import * as field from './fields.ts';
import { safeAddress } from './safe-address.ts';

const folder = z
  .string({ error: 'expected a folder such as ci/logs' })
  .regex(/^$|^[\w.-]+(\/[\w.-]+)*\/?$/, 'expected a folder such as ci/logs, of letters, digits and . _ - /')
  .max(200, 'is longer than 200 characters');

const s3Options = z
  .strictObject(
    {
      bucket: z
        .string({ error: 'expected the name of a bucket' })
        .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/, 'expected the name of a bucket')
        .describe('Its bucket.'),
      prefix: folder.prefault('').describe('Folder in the bucket; none: all of it is ours.'),
      endpoint: safeAddress
        .refine((text) => new URL(text).pathname === '/', 'expected an address without a path: the bucket has a key')
        .nullable()
        .prefault(null)
        .describe('Address of the server; null: AWS.'),
      region: z
        .string({ error: 'expected a region such as eu-central-1' })
        .regex(/^[a-z0-9-]{1,40}$/, 'expected a region such as eu-central-1')
        .prefault('us-east-1')
        .describe('Its region; most other servers take any.'),
      addressing: z
        .enum(['host', 'path'], { error: 'expected host or path' })
        .nullable()
        .prefault(null)
        .describe('host: bucket.server/key; path: server/bucket/key; null: host on AWS, path elsewhere.'),
      accessKeyId: field.secretReference
        .nullable()
        .prefault(null)
        .describe("Where the key's name stands; null: what AWS's own tools find (environment, files, the machine)."),
      secretAccessKey: field.secretReference.nullable().prefault(null).describe('Where the key itself stands.'),
      publicUrl: z
        .url({ protocol: /^https?$/, error: 'expected an http or https address' })
        .nullable()
        .prefault(null)
        .describe('Where everybody may read the bucket, with nothing signed; null: addresses are signed.'),
      grants: z
        .enum(['form', 'typed-form', 'none'], { error: 'expected form, typed-form or none' })
        .prefault('form')
        .describe(
          'How workers of other machines write: with forms that the server signs for them; typed-form: the same, and no form for any type of content, as workers of 0.1 need it; none: with keys of their own (a store without POST forms).',
        ),
    },
    { error: 'expected a mapping with a bucket' },
  )
  .superRefine((s3, context) => {
    if ((s3.accessKeyId === null) !== (s3.secretAccessKey === null)) {
      const path = [s3.accessKeyId === null ? 'accessKeyId' : 'secretAccessKey'];
      context.addIssue({ code: 'custom', path, message: 'is missing: accessKeyId and secretAccessKey go together' });
    }
  });

const httpOptions = z.strictObject(
  {
    url: safeAddress.describe('Folder on the server, below which PUT, GET and DELETE are taken.'),
    token: field.secretReference
      .nullable()
      .prefault(null)
      .describe('Where the bearer token stands; null: none is sent.'),
    publicUrl: z
      .url({ protocol: /^https?$/, error: 'expected an http or https address' })
      .nullable()
      .prefault(null)
      .describe('Where everybody may read the same folder; null: the server serves it.'),
    grants: z
      .enum(['token', 'none'], { error: 'expected token or none' })
      .prefault('none')
      .describe(
        'token: workers of other machines get this token, which writes everywhere in the store; none: they have their own.',
      ),
  },
  { error: 'expected a mapping with a url' },
);

const oneKind = (given: { readonly dir: unknown; readonly s3: unknown; readonly http: unknown }): number =>
  [given.dir, given.s3, given.http].filter((kind) => kind !== null).length;

const kinds = {
  dir: field.path.nullable().prefault(null).describe('Directory.'),
  s3: s3Options.nullable().prefault(null).describe('Bucket of an S3 server.'),
  http: httpOptions.nullable().prefault(null).describe('Folder of a web server that takes PUT and DELETE (WebDAV).'),
};

const mirrorOptions = z
  .strictObject(kinds, { error: 'expected a store: a mapping with dir, s3 or http' })
  .superRefine((mirror, context) => {
    if (oneKind(mirror) !== 1) context.addIssue({ code: 'custom', path: [], message: 'needs one of dir, s3 and http' });
  });

/** `store`: where logs and attachments stay. */
export const storeOptions = z
  .strictObject({
    ...kinds,
    dir: kinds.dir.describe('Directory for logs and attachments; null, and neither s3 nor http: stateDir/store.'),
    mirrors: z
      .array(mirrorOptions, { error: 'expected a list of stores' })
      .max(5, 'lists more than 5 stores')
      .prefault([])
      .describe('Stores that get a copy of what is complete; readers go there when this one is away.'),
    ca: field.path
      .nullable()
      .prefault(null)
      .describe('Certificates (PEM) that stores are trusted by, besides those of the system. Also on workers.'),
  })
  .prefault({})
  .superRefine((store, context) => {
    if (oneKind(store) > 1)
      context.addIssue({ code: 'custom', path: [], message: 'has more than one of dir, s3, http' });
  });

export type StoreConfig = z.output<typeof storeOptions>;
export type S3Config = z.output<typeof s3Options>;
export type HttpConfig = z.output<typeof httpOptions>;

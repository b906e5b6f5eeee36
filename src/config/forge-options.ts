import { z } from 'zod';
import * as field from './fields.ts';
import { safeAddress } from './safe-address.ts';

const appOptions = z.strictObject(
  {
    id: z
      .union([z.int().min(1), z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)], {
        error: "expected the App's ID or client ID",
      })
      .describe("The App's ID (or client ID), from its settings page."),
    key: field.secretReference.describe('Where its private key stands (the .pem file of its settings page).'),
  },
  { error: 'expected a mapping: {id: NUMBER, key: {file: PATH}}' },
);

const statusOptions = z.union(
  [
    z.enum(['post', 'none']),
    z.strictObject({
      prefix: z
        .string()
        .regex(/^[\w./-]{1,50}$/)
        .describe('What goes before every context.'),
    }),
  ],
  { error: 'expected post, none or {prefix: TEXT} with at most 50 letters, digits and . _ / -' },
);

/** One forge that projects live on. */
export const forgeOptions = z
  .strictObject(
    {
      kind: z.literal('github', { error: 'expected github' }).describe('What runs there: github, also Enterprise.'),
      apiUrl: safeAddress
        .prefault('https://api.github.com')
        .describe('Address of the API; of GitHub Enterprise Server https://HOST/api/v3.'),
      webUrl: safeAddress
        .nullable()
        .prefault(null)
        .describe('Address of pages and repositories; null: https://github.com, or the host of apiUrl.'),
      token: field.secretReference
        .nullable()
        .prefault(null)
        .describe('Where an access token stands. Either token or app.'),
      fetchToken: field.secretReference
        .nullable()
        .prefault(null)
        .describe(
          'With token: one that may read private repositories and nothing else, for workers of other machines.',
        ),
      app: appOptions.nullable().prefault(null).describe('The GitHub App to act as. Either token or app.'),
      webhookSecrets: z
        .array(field.secretReference, { error: 'expected a list of references' })
        .max(5, 'lists more than 5 secrets')
        .prefault([])
        .describe(
          'Where the secrets of its webhooks stand; each is good, so that one can be replaced. None: no webhook is taken.',
        ),
      statuses: statusOptions
        .prefault('post')
        .describe('post; none: nothing is written there; {prefix: TEXT}: beside another CI (shadow mode).'),
    },
    { error: 'expected a forge: a mapping with kind, and token or app' },
  )
  .superRefine((forge, context) => {
    if ((forge.token === null) === (forge.app === null)) {
      context.addIssue({ code: 'custom', path: [], message: 'needs either token or app' });
    }
    if (forge.fetchToken !== null && forge.app !== null) {
      context.addIssue({ code: 'custom', path: ['fetchToken'], message: 'is for token: an App makes its own' });
    }
  });

/** Names of forges: part of keys of the ledger and of the webhook's path. `git` is the forge of plain repositories. */
export const forgeName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'expected a name of lower-case letters, digits and -')
  .refine((name) => name !== 'git', 'git is the name of plain repositories; take another');

export type ForgeConfig = z.output<typeof forgeOptions>;

const login = z
  .string({ error: 'expected a name on the forge' })
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]|\[bot\]$){0,99}$/, 'expected a name of letters, digits and -');

/** Whose changes are tested without an approval. */
export const trustOptions = z
  .strictObject({
    users: z.array(login, { error: 'expected a list of users' }).prefault([]).describe('These users.'),
    organisations: z
      .array(login, { error: 'expected a list of organisations' })
      .prefault([])
      .describe('Members of these organisations.'),
    teams: z
      .array(
        z.string({ error: 'expected ORGANISATION/TEAM' }).regex(/^[\w.-]+\/[\w.-]+$/, 'expected ORGANISATION/TEAM'),
      )
      .prefault([])
      .describe('Members of these teams: ORGANISATION/TEAM.'),
    permission: z
      .enum(['write', 'none'], { error: 'expected write or none' })
      .prefault('write')
      .describe('write: also whoever may write to the repository; none: only who is named here.'),
  })
  .prefault({});

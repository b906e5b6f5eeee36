import { z } from 'zod';
import { isBranchName, isObjectId, longestRefName } from '../../../base/git-names.ts';

// The fields that we use and no others: GitHub adds and drops some every month, and what is not read cannot hurt.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads

const sha = z.string().max(64).refine(isObjectId, 'no commit id');
const repoName = z
  .string()
  .max(200)
  .regex(/^[\w.-]+\/[\w.-]+$/, 'no repository name');
const pullNumber = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
const login = z.string().max(200);
const branch = z
  .string()
  .max(longestRefName)
  // JSON can spell half a character, which no file and no database can.
  .refine((name) => name.isWellFormed() && isBranchName(name), 'no branch name');
const repository = z.object({ full_name: repoName });
/** An account may have tens of thousands of repositories; a body has 25 MB at most. */
const repositories = z.array(repository).max(200_000);
const sender = z.object({ login }).nullish();

/** What every body may have: which repository, what happened to it, who did it. */
export const envelopeSchema = z.object({
  action: z.string().max(100).optional(),
  repository: repository.nullish(),
  sender,
});

/** `changes` of an edit names what was edited. */
export const pullRequestSchema = z.object({
  number: pullNumber,
  pull_request: z.object({ head: z.object({ sha }) }),
  changes: z.object({ title: z.unknown(), base: z.unknown() }).partial().optional(),
});

/** `after` is all zeros when the ref was deleted. */
export const pushSchema = z.object({
  ref: z.string().startsWith('refs/', 'no ref').max(longestRefName),
  after: sha,
});

/** The branch of a push; `pushSchema` leaves tags alone. */
export const branchSchema = branch;

export const refSchema = z.object({ ref: z.string().max(longestRefName), ref_type: z.string().max(100) });

export const statusSchema = z.object({
  sha,
  description: z.string().max(10_000).nullish(),
  target_url: z.string().max(10_000).nullish(),
});

/** Only a pull request's `issue` has `pull_request`. A comment has 65,536 characters at most, of up to 4 bytes. */
export const issueCommentSchema = z.object({
  issue: z.object({ number: pullNumber, pull_request: z.unknown().optional() }),
  comment: z.object({ body: z.string().max(300_000).nullish() }),
});

export const installationSchema = z.object({
  installation: z.object({ account: z.object({ login }).nullish() }),
  repositories: repositories.nullish(),
  repositories_added: repositories.nullish(),
  repositories_removed: repositories.nullish(),
});

/** `changes` tells the former name or owner. */
export const repositorySchema = z.object({
  changes: z
    .object({
      repository: z.object({ name: z.object({ from: z.string().max(200) }).partial() }).partial(),
      owner: z.object({
        from: z
          .object({ user: z.object({ login }).nullable(), organization: z.object({ login }).nullable() })
          .partial(),
      }),
    })
    .partial()
    .optional(),
});

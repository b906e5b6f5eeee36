import { z } from 'zod';

/** One place to ask for: a pull request by number, or a branch by its name without `refs/heads/`. */
export type PlaceAsked = { readonly pull: number } | { readonly branch: string };

// Field names: https://docs.github.com/en/graphql/reference/objects. `fullDatabaseId` because ids of comments have outgrown
// the 32 bits of `databaseId`; `__typename` because GraphQL shows the login of an App without its `[bot]`, which a person
// could have, too.
const fragments = (comments: number): string => `
fragment pull on PullRequest {
  state isDraft title updatedAt headRefOid baseRefName isCrossRepository
  author { __typename login }
  headRepositoryOwner { __typename login }
  labels(first: 100) { nodes { name } }
  comments(last: ${comments}) {
    nodes {
      fullDatabaseId body createdAt lastEditedAt
      author { __typename login }
      editor { __typename login }
      reactionGroups { content viewerHasReacted }
    }
  }
  commits(last: 1) { nodes { commit { oid status { contexts { ...status } } } } }
}
fragment branch on Ref {
  target {
    oid
    ... on Commit { messageHeadline author { name user { __typename login } } status { contexts { ...status } } }
  }
}
fragment status on StatusContext {
  context state description targetUrl createdAt
  creator { __typename login }
}`;

/**
 * One query for several places of a repository; the answer has them as `p0`, `p1`, … in the order asked, each pull request with
 * its newest `comments`, of which GitHub gives 100 at most.
 */
export function viewQuery(
  places: readonly PlaceAsked[],
  comments = 100,
): {
  readonly query: string;
  /** To be completed with `owner` and `name`. Names of branches are a stranger's text, so they never stand in the query. */
  readonly variables: Readonly<Record<string, string | number>>;
} {
  const variables: Record<string, string | number> = {};
  const declared: string[] = [];
  const fields = places.map((place, i) => {
    const alias = String(i);
    if ('pull' in place) {
      variables[`n${alias}`] = place.pull;
      declared.push(`$n${alias}: Int!`);
      return `p${alias}: pullRequest(number: $n${alias}) { ...pull }`;
    }
    variables[`r${alias}`] = `refs/heads/${place.branch}`;
    declared.push(`$r${alias}: String!`);
    return `p${alias}: ref(qualifiedName: $r${alias}) { ...branch }`;
  });
  // A fragment that is not used is an error.
  const wanted = [
    ...(places.some((place) => 'pull' in place) ? ['pull'] : []),
    ...(places.some((place) => 'branch' in place) ? ['branch'] : []),
    'status',
  ];
  const used = fragments(comments)
    .split(/\n(?=fragment )/)
    .filter((text) => wanted.some((name) => text.startsWith(`fragment ${name} `)));
  const query = `query($owner: String!, $name: String!, ${declared.join(', ')}) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    ${fields.join('\n    ')}
  }
}
${used.join('\n')}`;
  return { query, variables };
}

const actorSchema = z.object({ __typename: z.string(), login: z.string() }).nullable();
const timeSchema = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const statusSchema = z.object({
  context: z.string(),
  state: z.enum(['ERROR', 'EXPECTED', 'FAILURE', 'PENDING', 'SUCCESS']),
  description: z.string().nullable(),
  targetUrl: z.string().nullable(),
  createdAt: timeSchema,
  creator: actorSchema,
});
const statusesSchema = z
  .object({ contexts: z.array(statusSchema) })
  .nullable()
  .transform((status) => status?.contexts ?? []);

const pullSchema = z.object({
  state: z.enum(['OPEN', 'CLOSED', 'MERGED']),
  isDraft: z.boolean(),
  title: z.string(),
  updatedAt: timeSchema,
  headRefOid: z.string(),
  baseRefName: z.string(),
  isCrossRepository: z.boolean(),
  author: actorSchema,
  headRepositoryOwner: actorSchema,
  labels: z.object({ nodes: z.array(z.object({ name: z.string() })) }).nullable(),
  comments: z.object({
    nodes: z.array(
      z.object({
        fullDatabaseId: z
          .union([z.string(), z.number()])
          .transform(String)
          .pipe(z.string().regex(/^\d{1,20}$/)),
        body: z.string(),
        createdAt: timeSchema,
        lastEditedAt: timeSchema.nullable(),
        author: actorSchema,
        editor: actorSchema,
        reactionGroups: z.array(z.object({ content: z.string(), viewerHasReacted: z.boolean() })).nullable(),
      }),
    ),
  }),
  commits: z.object({ nodes: z.array(z.object({ commit: z.object({ oid: z.string(), status: statusesSchema }) })) }),
});

const branchSchema = z.object({
  target: z
    .object({
      oid: z.string(),
      // Absent where a branch shows something else than a commit, which git does not forbid.
      messageHeadline: z.string().optional(),
      author: z.object({ name: z.string().nullable(), user: actorSchema }).nullish(),
      status: statusesSchema.optional(),
    })
    .nullable(),
});

/** A person or App; null: the account is gone. */
export type ActorSeen = z.output<typeof actorSchema>;
/** The newest status of one context, whoever set it. */
export type StatusNode = z.output<typeof statusSchema>;
export type PullNode = z.output<typeof pullSchema>;
export type BranchNode = z.output<typeof branchSchema>;

/** What we read of the answer; a place that is not there comes as null. */
export const viewAnswerSchema = z.object({
  viewer: z.object({ login: z.string() }),
  repository: z.record(z.string(), z.unknown()).nullable(),
});
export const pullNodeSchema = pullSchema;
export const branchNodeSchema = branchSchema;

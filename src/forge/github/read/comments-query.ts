import { z } from 'zod';

/** Our last hundred words below a pull request, to see whether something was said already. */
export const commentsQuery = `query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { comments(last: 100) { nodes { body viewerDidAuthor } } }
  }
}`;

export const commentsAnswerSchema = z.object({
  repository: z
    .object({
      pullRequest: z
        .object({
          comments: z.object({ nodes: z.array(z.object({ body: z.string(), viewerDidAuthor: z.boolean() })) }),
        })
        .nullable(),
    })
    .nullable(),
});

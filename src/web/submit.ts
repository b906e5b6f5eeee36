import { z } from 'zod';
import { changeKey as changeKeyOf } from '../core/subject.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { Submission } from './web-deps.ts';

const oneLine = (most: number): z.ZodString =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\u0000-\u001f\u007f-\u009f]+$/, 'must be one line without control characters');

/** The body of `POST /api/requests`. What it names is looked up; see `resolveSubmission`. */
export const RequestBody = z.strictObject({
  kind: z.enum(['retry', 'cancel', 'approve', 'test']),
  jobId: z
    .string()
    .regex(/^[0-9a-f]{6,32}$/, 'must be 6 to 32 hex digits of a run id')
    .optional(),
  repo: oneLine(4096).optional(),
  changeKey: oneLine(16_384).optional(),
  sha: z
    .string()
    .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, 'must be a full commit id')
    .optional(),
  contexts: z.array(oneLine(1000)).max(200).optional(),
  /** Who asks; a name for the record, proven by nothing but the token. */
  by: oneLine(64).optional(),
});
export type RequestBody = z.infer<typeof RequestBody>;

/** A request that can be recorded, or the one line that says why not. */
export type Resolved =
  | { readonly kind: 'ok'; readonly submission: Submission }
  | { readonly kind: 'refused'; readonly status: 400 | 404 | 409; readonly why: string };

const refused = (status: 400 | 404 | 409, why: string): Resolved => ({ kind: 'refused', status, why });

/** Reads JSON (or a form's fields) into a request, or says in one line what is wrong with it. */
export function parseRequest(fields: unknown): { readonly body: RequestBody } | { readonly why: string } {
  const parsed = RequestBody.safeParse(fields);
  if (parsed.success) return { body: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  return { why: `${where === '' ? 'the request' : where}: ${issue?.message ?? 'is not valid'}` };
}

/**
 * Finds what the request is about, so that whoever asks hears at once when there is no such thing. A run gives its own
 * change and commit; otherwise `changeKey`, or `repo` and `sha` among the changes that are held.
 */
export async function resolveSubmission(body: RequestBody, reader: LedgerReader): Promise<Resolved> {
  const { kind, contexts = [], by = 'somebody with the token' } = body;
  if (body.jobId !== undefined) {
    const run = await reader.run(body.jobId);
    if (run === null) return refused(404, `no run has the id ${body.jobId}, or more than one begins with it`);
    const { subject } = run.job;
    if (kind === 'cancel' && run.summary.state === 'ended') return refused(409, 'this run has ended already');
    const about = { forge: subject.forge, repo: subject.repo, changeKey: changeKeyOf(subject), sha: subject.sha };
    const isOfRun = kind === 'retry' || kind === 'cancel';
    const names = kind === 'approve' ? contexts : contexts.length > 0 ? contexts : [run.job.context];
    return {
      kind: 'ok',
      submission: { kind, by, contexts: names, jobId: isOfRun ? run.job.id : null, ...about },
    };
  }
  const held = (await reader.held()).filter(
    ({ change }) =>
      (body.changeKey === undefined || change.key === body.changeKey) &&
      (body.repo === undefined || change.repo === body.repo) &&
      (body.sha === undefined || change.headSha === body.sha),
  );
  const [first, ...others] = held;
  const isNamed = body.changeKey !== undefined || (body.repo !== undefined && body.sha !== undefined);
  if (kind === 'approve') {
    if (body.sha === undefined) return refused(400, 'sha: an approval names the commit that it is for');
    if (first === undefined)
      return refused(404, 'no change at that commit waits for approval; its head may have moved');
    if (others.length > 0) return refused(400, 'changeKey: more than one change waits at that commit, name one');
    const { forge, repo, key } = first.change;
    return { kind: 'ok', submission: { kind, by, contexts, jobId: null, forge, repo, changeKey: key, sha: body.sha } };
  }
  if (!isNamed) return refused(400, 'name a jobId, a changeKey, or a repo with a sha');
  const named = body.changeKey ?? first?.change.key ?? (await placeOfCommit(body, reader));
  if (named === null) return refused(404, 'nothing known is at that commit of that repository');
  const [forge, repo, where] = split(named);
  if (forge === '' || repo === '' || where === '') {
    return refused(400, 'changeKey: must read forge|repository|branch/NAME or forge|repository|pull/NUMBER');
  }
  if (body.repo !== undefined && body.repo !== repo) return refused(400, 'repo: is not the one of changeKey');
  if (kind !== 'test' && body.sha === undefined) return refused(400, `sha: a ${kind} without jobId names a commit`);
  return {
    kind: 'ok',
    submission: { kind, by, contexts, jobId: null, forge, repo, changeKey: named, sha: body.sha ?? null },
  };
}

// One page is enough: a commit that somebody names by hand is a recent one.
async function placeOfCommit(body: RequestBody, reader: LedgerReader): Promise<string | null> {
  if (body.repo === undefined || body.sha === undefined) return null;
  const { runs } = await reader.listRuns({ repo: body.repo, limit: 200 });
  const run = runs.find(({ sha }) => sha === body.sha);
  if (run === undefined) return null;
  const detail = await reader.run(run.jobId);
  return detail === null ? null : changeKeyOf(detail.job.subject);
}

// A repository may be a path that holds a `|`; forge names and places do not.
function split(key: string): readonly [string, string, string] {
  const first = key.indexOf('|');
  const last = key.search(/\|(?:branch|pull)\/[^|]/);
  if (first < 0 || last <= first) return ['', '', ''];
  return [key.slice(0, first), key.slice(first + 1, last), key.slice(last + 1)];
}

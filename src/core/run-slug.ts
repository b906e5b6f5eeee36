import type { Job } from './job.ts';

/** The part of a job that its place in the store follows from. */
export type Placed = Pick<Job, 'id' | 'subject' | 'context'>;

/**
 * Where everything of one job lies in the object store: `<repo>/<pull-N or branch>-<sha8>-<context>-<job id, 16 digits>`,
 * without a slash at its end. Readable for people, unique by the id alone: whatever a stranger writes into a branch name,
 * the result is two parts of `[A-Za-z0-9._-]` that do not begin with a dot or a dash, at most 162 characters.
 */
export function jobPrefix({ id, subject, context }: Placed): string {
  const place =
    subject.pull === null ? tame(subject.branch ?? subject.baseRef, 36) : `pull-${tame(String(subject.pull), 31)}`;
  const name = [place, tame(subject.sha, 8), tame(context, 48), tame(id, 16)].join('-');
  return `${tame(subject.repo, 50)}/${name}`;
}

/** Where everything of one attempt lies: below its job's prefix, `<generation>.<n>-<nonce, 8 digits>`; at most 191 characters. */
export function runPrefix(
  job: Placed,
  attempt: { readonly generation: number; readonly n: number; readonly nonce: string },
): string {
  const { generation, n, nonce } = attempt;
  return `${jobPrefix(job)}/${String(generation)}.${String(n)}-${tame(nonce, 8)}`;
}

/** `text` in `[A-Za-z0-9._-]`, at most `longest` characters; `x` when nothing is left of it. */
function tame(text: string, longest: number): string {
  // Slashes and what else is not taken become one dash; cut first, or 10 kB of them would be worked through.
  const safe = text.slice(0, 4 * longest).replace(/[^A-Za-z0-9._-]+/g, '-');
  const cut = safe.replace(/^[.-]+/, '').slice(0, longest);
  return cut.replace(/[.-]+$/, '') || 'x';
}

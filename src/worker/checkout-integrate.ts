import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GroundcrewError } from '../base/errors.ts';
import type { ExecResult } from '../base/exec.ts';
import { gitComplaint, plain } from '../base/git.ts';
import { type MirrorCommit, readFailure } from '../base/git-mirror.ts';
import type { Integration } from '../core/job.ts';
import type { Subject } from '../core/subject.ts';
import { gitIn, type Target, writeHead, writeTree } from './checkout-target.ts';

/** A change joined with its base, or why it cannot be. `isWritten`: the files are in the work tree already. */
export type Integrated =
  | { readonly kind: 'joined'; readonly testedSha: string; readonly treeSha: string; readonly isWritten: boolean }
  | { readonly kind: 'conflict'; readonly detail: string; readonly log: string };

/** Most conflicting files that are named in one line, and in the log. */
const mostInDetail = 5;
const mostInLog = 200;

/**
 * Joins the subject with `baseSha`. Identity, dates and message depend on the two commits alone, so every worker and every
 * retry makes the same commit. Where the base brings nothing new, the subject's own commit is the answer.
 */
export async function integrate(
  target: Target,
  order: {
    readonly subject: Pick<Subject, 'sha'>;
    readonly baseSha: string | null;
    readonly integration: Integration;
  },
): Promise<Integrated> {
  const head = commitOf(target, order.subject.sha);
  if (order.integration === 'none' || order.baseSha === null || order.baseSha === head.sha) return asItIs(head);
  const base = commitOf(target, order.baseSha);
  return order.integration === 'merge' ? merge(target, head, base) : rebase(target, head, base);
}

async function merge(target: Target, head: MirrorCommit, base: MirrorCommit): Promise<Integrated> {
  // Without -z, names are quoted by git itself where they are not plain.
  const args = ['merge-tree', '--write-tree', '--name-only', '--messages', '--end-of-options', base.sha, head.sha];
  const result = await gitIn(target, args);
  const output = result.stdout.toString('utf8');
  if (result.exitCode === 1) return conflict('merging', base, output);
  if (result.exitCode === 129) {
    throw new GroundcrewError('git/too-old', 'git 2.38 or newer is needed to merge a change with its base');
  }
  if (result.exitCode !== 0) return unrelated(target, [head, base], result);
  const treeSha = output.slice(0, output.indexOf('\n'));
  if (treeSha === head.treeSha) return asItIs(head);
  const message = `Merge ${head.sha} into ${base.sha}\n`;
  const parents = ['-p', base.sha, '-p', head.sha];
  const made = await gitIn(target, ['commit-tree', ...parents, treeSha], { input: message, env: identity(head, base) });
  if (made.exitCode !== 0) throw readFailure('commit-tree', made);
  return { kind: 'joined', testedSha: made.stdout.toString('latin1').trim(), treeSha, isWritten: false };
}

/** Rebasing needs files: git does it in the new work tree, which holds nothing but what it wrote itself. */
async function rebase(target: Target, head: MirrorCommit, base: MirrorCommit): Promise<Integrated> {
  const common = await gitIn(target, ['merge-base', head.sha, base.sha]);
  if (common.exitCode !== 0) return unrelated(target, [head, base], common);
  if (common.stdout.toString('latin1').trim() === base.sha) return asItIs(head);
  const refusal = await writeTree(target, head.treeSha);
  if (refusal !== null) return { kind: 'conflict', detail: refusal, log: refusal };
  writeHead(target, head.sha);
  const args = ['rebase', '--quiet', '--no-verify', '--no-fork-point', '--no-autosquash', base.sha];
  const result = await gitIn(target, args, { env: identity(head, base) });
  if (result.exitCode !== 0) {
    const unmerged = await gitIn(target, ['diff', '--no-ext-diff', '--name-only', '--diff-filter=U']);
    const names = unmerged.stdout.toString('utf8');
    if (names !== '') return conflict('rebasing', base, `\n${names}\n${result.stdout.toString('utf8')}`);
    const said = gitComplaint(result);
    if (/unable to read|missing|corrupt|No space left|quota/.test(said)) throw readFailure('rebase', result);
    return { kind: 'conflict', detail: `this change cannot be rebased: ${said}`, log: said };
  }
  await rm(join(target.gitDir, 'ORIG_HEAD'), { force: true });
  const testedSha = (await readFile(join(target.gitDir, 'HEAD'), 'latin1')).trim();
  const tree = await gitIn(target, ['rev-parse', '--verify', '--end-of-options', `${testedSha}^{tree}`]);
  if (tree.exitCode !== 0) throw readFailure('rev-parse', tree);
  return { kind: 'joined', testedSha, treeSha: tree.stdout.toString('latin1').trim(), isWritten: true };
}

function asItIs(head: MirrorCommit): Integrated {
  return { kind: 'joined', testedSha: head.sha, treeSha: head.treeSha, isWritten: false };
}

/** `output` is what git prints: a line, the names of the files, an empty line, messages. */
function conflict(doing: string, base: MirrorCommit, output: string): Integrated {
  const [list = '', ...messages] = output.split('\n\n');
  const files = [...new Set(list.split('\n').slice(1))].filter((name) => name !== '').map((name) => plain(name));
  const named = files.slice(0, mostInDetail).map((name) => name.slice(0, 100));
  const more = files.length - named.length;
  const detail = `conflict when ${doing} with ${base.sha.slice(0, 12)}: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const told = messages.join('\n').split('\n').slice(0, mostInLog);
  const log = [detail, ...files.slice(0, mostInLog).map((name) => `  ${name.slice(0, 1000)}`), ...told.map(plain)];
  return { kind: 'conflict', detail: detail.slice(0, 500), log: log.filter((line) => line !== '').join('\n') };
}

/** Two histories without a common commit are the change's doing; anything else that fails here is not. */
async function unrelated(
  target: Target,
  [head, base]: readonly [MirrorCommit, MirrorCommit],
  result: ExecResult,
): Promise<Integrated> {
  const common = await gitIn(target, ['merge-base', head.sha, base.sha]);
  if (common.exitCode !== 1) throw readFailure('merge-tree', result);
  const detail = `this change has no history in common with its base ${base.sha.slice(0, 12)}`;
  return { kind: 'conflict', detail, log: detail };
}

function identity(head: MirrorCommit, base: MirrorCommit): Record<string, string> {
  // A date that git cannot write would make the commit fail; 2100 is the limit that no honest commit reaches.
  const seconds = Math.min(Math.max(head.committedAt, base.committedAt, 0), 4_102_444_800);
  const date = `@${seconds} +0000`;
  const name = 'groundcrew';
  const email = 'groundcrew@localhost';
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
    GIT_COMMITTER_DATE: date,
  };
}

function commitOf(target: Target, sha: string): MirrorCommit {
  const commit = target.view.commits.get(sha);
  if (commit === undefined) throw new GroundcrewError('git/no-commit', `${sha} was not fetched`, { retry: 'now' });
  return commit;
}

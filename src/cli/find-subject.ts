import { resolve } from 'node:path';
import { GroundcrewError, UsageError } from '../base/errors.ts';
import type { Git } from '../base/git.ts';
import { gitForgeName, type Project } from '../config/project-settings.ts';
import type { Settings } from '../config/settings.ts';
import type { Job } from '../core/job.ts';
import type { Subject } from '../core/subject.ts';
import type { LocalRunnerDeps } from '../worker/local-runner.ts';
import { projectAt } from './serve-order.ts';
import type { RunOrder } from './wiring.ts';

/** What finding the commit of a `run` needs. */
export interface FindParts {
  readonly git: Git;
  /** Where an earlier run of this job was fetched from; null when nothing is known of it. */
  cloneUrlOf(paths: Settings['paths'], job: Job): Promise<string | null>;
  /** See `RunAttemptTools`; for finding the newest commit of a private repository. */
  readonly fetchCredentials?: LocalRunnerDeps['fetchCredentials'];
}

/** What is to be tested. */
export interface FoundSubject {
  readonly subject: Subject;
  readonly cloneUrl: string;
}

/**
 * The commit that is meant, and where to fetch it from.
 * @throws UsageError `cli/no-commit`, `cli/no-project`; GroundcrewError `cli/no-commit` when the remote does not have it
 */
export async function findSubject(parts: FindParts, order: RunOrder, signal: AbortSignal): Promise<FoundSubject> {
  const { git } = parts;
  const { source, settings } = order;
  switch (source.kind) {
    case 'checkout': {
      const project = projectAt(settings, source.dir);
      const [sha, branch] = await Promise.all([
        commitOf(git, source.dir, source.rev ?? 'HEAD', signal),
        branchOf(git, source.dir, signal),
      ]);
      return {
        subject: { forge: 'git', repo: project.name, sha, pull: null, baseRef: branch, branch },
        cloneUrl: source.dir,
      };
    }
    case 'repeat': {
      // A repository that was only named on the command line of `up` stands in the run's own record.
      const ours = source.job.commandSubject === null ? addressOf(source.project, settings) : null;
      const where = ours ?? (await parts.cloneUrlOf(settings.paths, source.job));
      if (where === null) {
        throw new UsageError(
          'cli/no-project',
          `${source.job.subject.repo} is not a project of this configuration any more: add it under projects`,
        );
      }
      return { subject: source.job.subject, cloneUrl: where };
    }
    case 'order': {
      const { repo, sha, pull, branch } = source.order.subject;
      const project = settings.projects.find((one) => one.name === repo) ?? null;
      const where = addressOf(project, settings) ?? (/^[a-z+]+:\/\//.test(repo) ? repo : resolve(repo));
      const forge = project?.forge ?? gitForgeName;
      const ref =
        pull === null ? `refs/heads/${branch ?? project?.mainBranch ?? 'main'}` : `refs/pull/${String(pull)}/head`;
      const subject = { forge, repo, sha: '', pull, baseRef: branch ?? 'main', branch };
      const config = sha === null ? ((await parts.fetchCredentials?.(subject, signal)) ?? {}) : {};
      const found = sha ?? (await remoteHead({ git, where, config }, ref, signal));
      return { subject: { ...subject, sha: found }, cloneUrl: where };
    }
    default:
      return source satisfies never;
  }
}

/** Where a project is fetched from: its path, its address, or the one that it has on its forge. */
function addressOf(project: Project | null, { forges }: Settings): string | null {
  if (project === null) return null;
  const forge = forges.find(({ name }) => name === project.forge);
  return forge === undefined ? (project.path ?? project.url) : `${forge.webUrl}/${project.name}.git`;
}

async function commitOf(git: Git, dir: string, rev: string, signal: AbortSignal): Promise<string> {
  const { exitCode: status, stdout } = await git.run(
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`],
    { cwd: dir, signal },
  );
  const sha = stdout.toString().trim();
  if (status === 0 && /^[0-9a-f]{40,64}$/.test(sha)) return sha;
  const hint = rev === 'HEAD' ? 'nothing is committed yet' : 'git rev-parse does not know it';
  throw new UsageError('cli/no-commit', `${dir}: no commit ${rev}: ${hint}`);
}

async function branchOf(git: Git, dir: string, signal: AbortSignal): Promise<string> {
  const { stdout, exitCode: status } = await git.run(['symbolic-ref', '--quiet', '--short', 'HEAD'], {
    cwd: dir,
    signal,
  });
  return status === 0 ? stdout.toString().trim() : 'HEAD';
}

async function remoteHead(
  {
    git,
    where,
    config,
  }: { readonly git: Git; readonly where: string; readonly config: Readonly<Record<string, string>> },
  ref: string,
  signal: AbortSignal,
): Promise<string> {
  const text = await git.text(['ls-remote', '--', where, ref], { signal, config });
  const sha = /^([0-9a-f]{40,64})\t/.exec(text)?.[1];
  if (sha === undefined) throw new GroundcrewError('cli/no-commit', `${where} has no ${ref}`);
  return sha;
}

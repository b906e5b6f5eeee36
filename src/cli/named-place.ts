import { UsageError } from '../base/errors.ts';
import { gitForgeName } from '../config/project-settings.ts';
import type { Settings } from '../config/settings.ts';
import { changeWords } from './change-words.ts';
import { findRepository, needRepository } from './find-repository.ts';
import { projectAt } from './serve-order.ts';
import type { CliContext } from './cli-context.ts';

/** What a command line means by a repository and something in it. */
export interface NamedPlace {
  readonly forge: string;
  readonly repo: string;
  /** The pull request or branch; null: only a commit was named. */
  readonly changeKey: string | null;
  /** A full commit id; null: a place was named. */
  readonly sha: string | null;
}

/** The words as they were typed. */
export interface PlaceWords {
  readonly repo: string | undefined;
  readonly ref: string | undefined;
}

/**
 * Finds the place that `[repo] [ref]` means. REPO is the name of a project, a path, or both words in one: `OWNER/REPO#7`,
 * `REPO@BRANCH`, `#7`, the address of a pull request. Without REF: the branch that is checked out at the path.
 * @throws UsageError `cli/usage`, `cli/no-repository`
 */
export async function namedPlace(words: PlaceWords, settings: Settings, context: CliContext): Promise<NamedPlace> {
  const { repo: word, ref: second } = takenApart(words);
  const named = settings.projects.find((project) => project.name === word);
  let repo = named?.name ?? word ?? '';
  let dir = named?.path ?? null;
  if (named === undefined) {
    const isPath = word === undefined || /^[.~/]/.test(word);
    dir = isPath ? needRepository(word ?? '.', context.cwd) : null;
    // A word may be the name of a repository that `up PATH` watches without any configuration.
    if (dir !== null) repo = projectAt(settings, findRepository(dir) ?? dir).name;
  }
  const forge = named?.forge ?? gitForgeName;
  const ref = second ?? (dir === null ? null : await checkedOutBranch(dir, context));
  if (ref === null) {
    const why =
      named === undefined
        ? `no project has this name, and it is no path; a branch comes after its project: REPO ${repo}`
        : `which branch, pull request or commit? Say ${repo} REF`;
    throw new UsageError('cli/usage', `${repo}: ${why}`);
  }
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(ref)) return { forge, repo, changeKey: null, sha: ref };
  const pull = /^(?:#|pull\/)([1-9]\d{0,8})$/.exec(ref);
  const place = pull?.[1] === undefined ? `branch/${ref.replace(/^refs\/heads\//, '')}` : `pull/${pull[1]}`;
  return { forge, repo, changeKey: `${forge}|${repo}|${place}`, sha: null };
}

/** The place in words that every command takes: `owner/repo#7`, `owner/repo@main`, `owner/repo COMMIT`. */
export function placeWords({ forge, repo, changeKey, sha }: NamedPlace): string {
  return changeKey === null ? `${repo} ${sha ?? ''}` : changeWords({ forge, repo, changeKey });
}

function takenApart(words: PlaceWords): PlaceWords {
  const { repo, ref } = words;
  const both = repo === undefined ? null : bothIn(repo);
  if (both === null) return words;
  if (ref === undefined) return both;
  throw new UsageError('cli/usage', `${repo ?? ''} names the place already; leave out ${ref}`);
}

/** Takes one word apart that says repository and place, as `OWNER/REPO#7` does; null: it says one. */
export function bothIn(repo: string): PlaceWords | null {
  const address = /^https?:\/\/[^/]+\/([^/]+\/[^/]+)\/(?:pull|pulls)\/([1-9]\d{0,8})(?:[/?#].*)?$/.exec(repo);
  if (address !== null) return { repo: address[1], ref: `#${address[2] ?? ''}` };
  const pull = /^(.*)#([1-9]\d{0,8})$/.exec(repo);
  if (pull !== null) return { repo: pull[1] === '' ? undefined : pull[1], ref: `#${pull[2] ?? ''}` };
  const branch = /^([^@/.~][^@]*)@(.+)$/.exec(repo);
  return branch === null ? null : { repo: branch[1], ref: branch[2] };
}

async function checkedOutBranch(dir: string, context: CliContext): Promise<string | null> {
  const { exec } = await import('../base/exec.ts');
  const { PATH = '/usr/bin:/bin', HOME = '/' } = context.env;
  const found = await exec(['git', '-C', dir, 'symbolic-ref', '--quiet', '--short', 'HEAD'], {
    env: { PATH, HOME, LC_ALL: 'C' },
    timeoutMs: 10_000,
  });
  const branch = found.stdout.toString().trim();
  return found.exitCode === 0 && branch !== '' ? branch : null;
}

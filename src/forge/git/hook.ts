import { lstat, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { exec } from '../../base/exec.ts';
import { createGit } from '../../base/git.ts';
import { findGitDir } from './git-source.ts';
import { hookId } from './hook-spool.ts';

/** What we did, or with `isDryRun` would do, to one hook file. */
export interface HookChange {
  readonly hook: string;
  readonly path: string;
  readonly action: 'created' | 'extended' | 'renewed' | 'unchanged' | 'removed' | 'absent';
}

export interface HookOptions {
  /** The repository's directory, bare or not. */
  readonly repoDir: string;
  readonly spoolDir: string;
  /** Put our lines into hooks that are there already; otherwise they are refused. */
  readonly append: boolean;
  readonly isDryRun: boolean;
  /** The user's environment: their configuration says where hooks are (`core.hooksPath`). */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Everything that moves a ref by commit, merge, rebase or push; other ways (`git branch`, `git reset`) are seen by file watching. */
const hooks = ['post-commit', 'post-merge', 'post-rewrite', 'post-receive'] as const;
const begin = '# groundcrew: begin (tells groundcrew of new commits; remove with "groundcrew hook remove")';
const end = '# groundcrew: end';

/**
 * Installs the hooks; twice is harmless. Our lines stand first in an extended hook, so that an `exit` there does not skip
 * them, and run in the background with nothing of git's open: they cannot fail or delay a commit.
 * @throws UsageError `forge/hook-exists`, `forge/hook-not-shell`, `forge/hook-is-link`, `forge/hook-not-active`;
 *   nothing is changed then
 */
export async function installHooks(options: HookOptions): Promise<readonly HookChange[]> {
  const { hooksDir, gitDir } = await locate(options);
  const block = hookBlock({ id: hookId(gitDir), spoolDir: options.spoolDir, gitDir });
  const plans: (HookChange & { readonly text: string })[] = [];
  for (const hook of hooks) {
    const path = join(hooksDir, hook);
    const old = await readHook(path);
    plans.push({ hook, path, ...planInstall(path, old, block, options.append) });
  }
  if (!options.isDryRun) {
    await mkdir(hooksDir, { recursive: true });
    await mkdir(options.spoolDir, { recursive: true });
    for (const { action, path, text } of plans) if (action !== 'unchanged') await replace(path, text);
  }
  return plans.map(({ hook, path, action }) => ({ hook, path, action }));
}

/** Takes our lines out again; a hook that was ours alone is deleted. */
export async function removeHooks(options: Omit<HookOptions, 'append'>): Promise<readonly HookChange[]> {
  const { hooksDir } = await locate(options);
  const changes: HookChange[] = [];
  for (const hook of hooks) {
    const path = join(hooksDir, hook);
    const old = await readHook(path);
    const range = old === null ? null : blockIn(old.text);
    changes.push({ hook, path, action: range === null ? 'absent' : 'removed' });
    if (old === null || range === null || options.isDryRun) continue;
    const rest = old.text.slice(0, range.from) + old.text.slice(range.to);
    if (/^(?:#!.*\n)?\s*$/.test(rest)) await rm(path);
    else await replace(path, rest);
  }
  return changes;
}

/** True when hooks that tell this spool are there. */
export async function hasHooks(options: Omit<HookOptions, 'append' | 'isDryRun'>): Promise<boolean> {
  const { hooksDir } = await locate(options);
  const texts = await Promise.all(hooks.map((hook) => readHook(join(hooksDir, hook))));
  return texts.every((old) => old !== null && blockIn(old.text) !== null);
}

/** The lines of a hook. `sh` as POSIX has it. */
export function hookBlock(options: {
  readonly id: string;
  readonly spoolDir: string;
  readonly gitDir: string;
}): string {
  return [
    begin,
    '(',
    `  spool=${quoted(options.spoolDir)}`,
    '  # Gone or full: then groundcrew finds the commit by itself, a little later.',
    '  [ -d "$spool" ] || exit 0',
    `  part="$spool/.${options.id}.$$.part"`,
    `  printf '%s\\n' ${quoted(options.gitDir)} >"$part" && mv -f "$part" "$spool/${options.id}.hook"`,
    ') </dev/null >/dev/null 2>&1 &',
    end,
    '',
  ].join('\n');
}

interface OldHook {
  readonly text: string;
  readonly isLink: boolean;
  readonly isExecutable: boolean;
}

function planInstall(
  path: string,
  old: OldHook | null,
  block: string,
  append: boolean,
): { readonly action: HookChange['action']; readonly text: string } {
  if (old === null) return { action: 'created', text: `#!/bin/sh\n${block}` };
  const range = blockIn(old.text);
  if (range !== null) {
    const text = old.text.slice(0, range.from) + block + old.text.slice(range.to);
    return { action: text === old.text && old.isExecutable ? 'unchanged' : 'renewed', text };
  }
  if (!append) {
    throw new UsageError('forge/hook-exists', `${path} is there already: add our lines to it with --append`);
  }
  if (old.isLink) {
    throw new UsageError(
      'forge/hook-is-link',
      `${path} is a link, perhaps of a hook manager: add the lines there yourself`,
    );
  }
  if (!old.isExecutable) {
    throw new UsageError(
      'forge/hook-not-active',
      `${path} is not executable, so git ignores it: remove it or chmod +x it`,
    );
  }
  const shebang = /^#!.*\n/.exec(old.text)?.[0] ?? '';
  if (!/^#!\s*\/(?:\S*\/)?(?:env\s+)?(?:ba|da|z|k)?sh(?:\s|$)/.test(shebang)) {
    throw new UsageError('forge/hook-not-shell', `${path} is no shell script: call our lines from it yourself`);
  }
  return { action: 'extended', text: shebang + block + old.text.slice(shebang.length) };
}

function blockIn(text: string): { readonly from: number; readonly to: number } | null {
  const from = text.indexOf(begin);
  const last = text.indexOf(`${end}\n`, from);
  return from < 0 || last < 0 ? null : { from, to: last + end.length + 1 };
}

async function readHook(path: string): Promise<OldHook | null> {
  try {
    const found = await lstat(path);
    const text = await readFile(path, 'utf8');
    return { text, isLink: found.isSymbolicLink(), isExecutable: (found.mode & 0o111) !== 0 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new UsageError('forge/hook-exists', `${path} cannot be read`, { cause: error });
  }
}

/** By rename: git may be running the hook right now. */
async function replace(path: string, text: string): Promise<void> {
  const part = `${path}.groundcrew-part`;
  await writeFile(part, text, { mode: 0o755 });
  await rename(part, path);
}

/** Where this user's git looks for the hooks of this repository. */
async function locate(
  options: Pick<HookOptions, 'repoDir' | 'env'>,
): Promise<{ readonly gitDir: string; readonly hooksDir: string }> {
  const repoDir = resolve(options.repoDir);
  const gitDir = await findGitDir(createGit(options.env), repoDir).catch((cause: unknown) => {
    throw new UsageError('forge/no-repo', `${repoDir} is no git repository`, { cause });
  });
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.env)) {
    // Not the repository that we may have been started from by a hook.
    if (value !== undefined && !/^GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX)$/.test(name)) env[name] = value;
  }
  const asked = await exec(['git', 'rev-parse', '--git-path', 'hooks'], { env, cwd: repoDir, timeoutMs: 10_000 });
  const said = asked.stdout.toString('utf8').replace(/\n$/, '');
  if (asked.exitCode !== 0 || said === '') {
    throw new UsageError('forge/no-repo', `${repoDir}: git does not say where its hooks are`);
  }
  return { gitDir, hooksDir: isAbsolute(said) ? said : join(repoDir, said) };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

import { join } from 'node:path';
import type { Git } from '../../../base/git.ts';

/** What a commit does to a tree: a file's text, a link, an executable, or gone. */
export type FakeFile = string | Buffer | { readonly link: string } | { readonly script: string } | null;

/** A commit to make. `parent` null: the first one. */
export interface NewCommit {
  readonly ref: string;
  readonly parent: string | null;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string; readonly at: number };
  readonly files: Readonly<Record<string, FakeFile>>;
}

export interface GitPerson {
  readonly name: string;
  readonly email: string;
  readonly date: string;
}

export interface GitCommit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: GitPerson;
  readonly committer: GitPerson;
  readonly message: string;
}

/** An entry of a tree. `mode` as git writes it. */
export interface TreeEntry {
  readonly mode: string;
  readonly type: 'blob' | 'tree' | 'commit';
  readonly sha: string;
  readonly sizeBytes: number;
  readonly path: string;
}

export interface FileDiff {
  readonly path: string;
  readonly previousPath: string | null;
  readonly status: 'added' | 'removed' | 'modified' | 'renamed';
  readonly sha: string;
  readonly additions: number;
  readonly deletions: number;
}

/** Real bare repositories below one directory, by the real git. */
export interface GitStore {
  readonly root: string;
  init(name: string): Promise<string>;
  clone(from: string, name: string): Promise<string>;
  /** Makes commits in one go, oldest first, and moves their refs there. Returns their ids. */
  commit(gitDir: string, commits: readonly NewCommit[]): Promise<readonly string[]>;
  hasCommit(gitDir: string, sha: string): Promise<boolean>;
  refs(gitDir: string): Promise<ReadonlyMap<string, string>>;
  /** Null deletes. */
  setRefs(gitDir: string, refs: Readonly<Record<string, string | null>>): Promise<void>;
  setHead(gitDir: string, branch: string): Promise<void>;
  fetch(from: string, into: string, refspecs: readonly string[]): Promise<void>;
  /** Commits reachable from `to`, not from `from`, newest first, at most `most`. */
  log(gitDir: string, to: string, from: string | null, most: number): Promise<readonly GitCommit[]>;
  /** Null when nothing is there. */
  entry(gitDir: string, sha: string, path: string): Promise<TreeEntry | null>;
  list(gitDir: string, treeish: string): Promise<readonly TreeEntry[]>;
  blob(gitDir: string, sha: string): Promise<Buffer>;
  /** What `head` changes since it left `base`. */
  diff(gitDir: string, base: string, head: string): Promise<readonly FileDiff[]>;
  /** A merge commit of both, or null when they conflict. */
  merge(gitDir: string, base: string, head: string, by: NewCommit['author']): Promise<string | null>;
}

const mostOutputBytes = 256 * 1024 * 1024;

/** `root` must exist. */
export function createGitStore(git: Git, root: string): GitStore {
  const text = (gitDir: string, args: readonly string[], input?: string | Buffer): Promise<string> =>
    git.text(args, { gitDir, maxOutputBytes: mostOutputBytes, ...(input === undefined ? {} : { input }) });
  return {
    root,
    async init(name) {
      const gitDir = join(root, `${name}.git`);
      await git.text(['init', '-q', '--bare', '-b', 'main', gitDir], { cwd: root });
      return gitDir;
    },
    async clone(from, name) {
      const gitDir = join(root, `${name}.git`);
      await git.text(['clone', '-q', '--bare', '--', from, gitDir], { cwd: root });
      return gitDir;
    },
    async commit(gitDir, commits) {
      const stream = Buffer.concat(commits.flatMap((commit, index) => importOf(commit, index + 1)));
      const output = await text(gitDir, ['fast-import', '--quiet', '--force', '--date-format=raw'], stream);
      return output.trim().split('\n');
    },
    async hasCommit(gitDir, sha) {
      const found = await git.run(['cat-file', '-e', `${sha}^{commit}`], { gitDir });
      return found.exitCode === 0;
    },
    async refs(gitDir) {
      const lines = await text(gitDir, ['for-each-ref', '--format=%(refname) %(objectname) %(*objectname)']);
      const refs = new Map<string, string>();
      for (const line of lines.split('\n')) {
        const [name, sha, peeled] = line.split(' ');
        if (name !== undefined && sha !== undefined)
          refs.set(name, peeled === undefined || peeled === '' ? sha : peeled);
      }
      return refs;
    },
    async setRefs(gitDir, refs) {
      const lines = Object.entries(refs).map(([ref, sha]) =>
        sha === null ? `delete ${ref}\0\0` : `update ${ref}\0${sha}\0\0`,
      );
      await text(gitDir, ['update-ref', '-z', '--stdin'], lines.join(''));
    },
    async setHead(gitDir, branch) {
      await text(gitDir, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
    },
    async fetch(from, into, refspecs) {
      await text(into, ['fetch', '-q', '--no-tags', '--no-write-fetch-head', '--', from, ...refspecs]);
    },
    async log(gitDir, to, from, most) {
      const format = '%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B';
      const range = from === null ? [to] : [to, `^${from}`];
      const output = await text(gitDir, ['log', '-z', `-n${most}`, `--format=tformat:${format}%x00`, ...range, '--']);
      const fields = output.split('\0');
      const commits: GitCommit[] = [];
      for (let at = 0; at + 9 < fields.length; at += 11) {
        const [sha = '', tree = '', parents = '', an = '', ae = '', aI = '', cn = '', ce = '', cI = '', message = ''] =
          fields.slice(at, at + 10);
        commits.push({
          sha,
          tree,
          parents: parents === '' ? [] : parents.split(' '),
          author: { name: an, email: ae, date: utc(aI) },
          committer: { name: cn, email: ce, date: utc(cI) },
          message: message.trimEnd(),
        });
      }
      return commits;
    },
    async entry(gitDir, sha, path) {
      const [entry] = treeEntries(await text(gitDir, ['ls-tree', '-lz', sha, '--', path]));
      return entry ?? null;
    },
    async list(gitDir, treeish) {
      return treeEntries(await text(gitDir, ['ls-tree', '-lz', treeish]));
    },
    async blob(gitDir, sha) {
      const result = await git.run(['cat-file', 'blob', sha], { gitDir, maxOutputBytes: mostOutputBytes });
      return result.stdout;
    },
    async diff(gitDir, base, head) {
      const mergeBase = await git.run(['merge-base', base, head], { gitDir });
      // Without a common ancestor (somebody pushed another history by force) the two are compared as they are.
      const from = mergeBase.exitCode === 0 ? mergeBase.stdout.toString('utf8').trim() : base;
      const args = ['-z', '-M', '--no-abbrev', from, head, '--'];
      const [raw, counts] = await Promise.all([
        text(gitDir, ['diff', '--raw', ...args]),
        text(gitDir, ['diff', '--numstat', ...args]),
      ]);
      return diffOf(raw.split('\0'), counts.split('\0'));
    },
    async merge(gitDir, base, head, by) {
      const tree = await git.run(['merge-tree', '--write-tree', '--no-messages', base, head], { gitDir });
      if (tree.exitCode !== 0) return null;
      const seconds = `${Math.floor(by.at / 1000)} +0000`;
      const env = {
        GIT_AUTHOR_NAME: by.name,
        GIT_AUTHOR_EMAIL: by.email,
        GIT_AUTHOR_DATE: seconds,
        GIT_COMMITTER_NAME: by.name,
        GIT_COMMITTER_EMAIL: by.email,
        GIT_COMMITTER_DATE: seconds,
      };
      const id = tree.stdout.toString('utf8').trim();
      const args = ['commit-tree', id, '-p', base, '-p', head, '-m', `Merge ${head} into ${base}`];
      return (await git.text(args, { gitDir, env })).trim();
    },
  };
}

/** One commit in the language of git fast-import, which answers with its id. */
function importOf(commit: NewCommit, mark: number): Buffer[] {
  const { name, email, at } = commit.author;
  const who = `${name.replace(/[<>\n\0]/g, '')} <${email.replace(/[<>\n\0 ]/g, '')}> ${Math.floor(at / 1000)} +0000`;
  const parts: Buffer[] = [Buffer.from(`commit ${commit.ref}\nmark :${mark}\nauthor ${who}\ncommitter ${who}\n`)];
  parts.push(...counted(Buffer.from(commit.message)));
  // Without a parent git would go on from where the ref stands.
  parts.push(Buffer.from(commit.parent === null ? '' : `from ${commit.parent}\n`));
  for (const [path, file] of Object.entries(commit.files)) {
    if (file === null) {
      parts.push(Buffer.from(`D ${quoted(path)}\n`));
      continue;
    }
    const [mode, bytes] = contentOf(file);
    parts.push(Buffer.from(`M ${mode} inline ${quoted(path)}\n`), ...counted(bytes));
  }
  parts.push(Buffer.from(`\nget-mark :${mark}\n`));
  return parts;
}

function contentOf(file: Exclude<FakeFile, null>): [string, Buffer] {
  if (typeof file === 'string') return ['100644', Buffer.from(file)];
  if (Buffer.isBuffer(file)) return ['100644', file];
  return 'link' in file ? ['120000', Buffer.from(file.link)] : ['100755', Buffer.from(file.script)];
}

function counted(bytes: Buffer): Buffer[] {
  return [Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from('\n')];
}

function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&').replace(/\n/g, '\\n')}"`;
}

function utc(date: string): string {
  return `${new Date(date).toISOString().slice(0, 19)}Z`;
}

function treeEntries(output: string): TreeEntry[] {
  return output
    .split('\0')
    .filter((line) => line !== '')
    .map((line) => {
      const tab = line.indexOf('\t');
      const [mode = '', type = '', sha = '', size = ''] = line.slice(0, tab).split(/ +/);
      const isKnown = type === 'tree' || type === 'commit';
      return {
        mode,
        type: isKnown ? type : 'blob',
        sha,
        sizeBytes: Number.parseInt(size, 10) || 0,
        path: line.slice(tab + 1),
      };
    });
}

function diffOf(raw: readonly string[], counts: readonly string[]): FileDiff[] {
  const lines = new Map<string, { additions: number; deletions: number }>();
  for (let at = 0; at < counts.length; at += 1) {
    const [added = '', deleted = '', path] = (counts[at] ?? '').split('\t');
    if (path === undefined) continue;
    // A rename is an empty path here, then the old and the new one.
    const name = path === '' ? (counts[(at += 2)] ?? '') : path;
    lines.set(name, { additions: Number.parseInt(added, 10) || 0, deletions: Number.parseInt(deleted, 10) || 0 });
  }
  const files: FileDiff[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [, , before = '', after = '', kind = ''] = (raw[at] ?? '').split(' ');
    const isRename = kind.startsWith('R');
    const first = raw[at + 1] ?? '';
    const path = isRename ? (raw[at + 2] ?? '') : first;
    if (isRename) at += 1;
    files.push({
      path,
      previousPath: isRename ? first : null,
      status: isRename ? 'renamed' : kind === 'A' ? 'added' : kind === 'D' ? 'removed' : 'modified',
      sha: kind === 'D' ? before : after,
      ...(lines.get(path) ?? { additions: 0, deletions: 0 }),
    });
  }
  return files;
}

import type { TreeEntry } from './git-store.ts';
import { type Answer, param, type RepoCall, repoRoute, type Route } from './call.ts';
import type { Json } from './json.ts';
import { refuse } from './refusal.ts';
import { fullName } from './records.ts';
import { resolveSha } from './rest-git.ts';

// https://docs.github.com/en/rest/repos/contents#get-repository-content: 1 MB as JSON, 100 MB raw.
const mostJsonBytes = 1024 * 1024;
const mostRawBytes = 100 * 1024 * 1024;
const mostLinks = 5;

/** https://docs.github.com/en/rest/repos/contents */
export const contentRoutes: readonly Route[] = [
  repoRoute('GET /contents/{path}', { level: 'pull', app: [['contents', 'read']] }, async (call) => {
    const ref = call.query.get('ref') ?? call.repo.defaultBranch;
    const sha = await resolveRef(call, ref);
    const path = param(call, 'path').replace(/\/+$/, '');
    if (path.split('/').some((part) => part === '.' || part === '..')) throw missing();
    const accept = call.headers['accept'] ?? '';
    const entry = await find(call, sha, path);
    if (entry === null) throw missing();
    if (entry.type === 'tree') return directory(call, entry, sha);
    if (/application\/vnd\.github(\.v3)?\.raw/.test(accept)) return raw(call, entry);
    return { body: await fileJson(call, entry, { sha, path }) };
  }),
];

async function resolveRef(call: RepoCall, ref: string): Promise<string> {
  try {
    return await resolveSha(call, ref);
  } catch {
    throw refuse(404, `No commit found for the ref ${ref}`);
  }
}

function missing(): Error {
  return refuse(404, 'Not Found');
}

/** A link to a file of the repository is that file, as GitHub answers it; other links stay links. */
async function find(call: RepoCall, sha: string, path: string): Promise<TreeEntry | null> {
  const { git } = call.world;
  if (path === '') return { mode: '040000', type: 'tree', sha: `${sha}^{tree}`, sizeBytes: 0, path: '' };
  let entry = await git.entry(call.repo.gitDir, sha, path);
  let at = path;
  for (let links = 0; links < mostLinks && entry?.mode === '120000'; links += 1) {
    const target = (await git.blob(call.repo.gitDir, entry.sha)).toString('utf8');
    const next = inside(at, target);
    const found = next === null ? null : await git.entry(call.repo.gitDir, sha, next);
    if (next === null || found?.type !== 'blob') return entry;
    [entry, at] = [found, next];
  }
  return entry;
}

/** Where a link leads inside the repository, or null. */
function inside(path: string, target: string): string | null {
  if (target.startsWith('/')) return null;
  const parts = path.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

async function raw(call: RepoCall, entry: TreeEntry): Promise<Answer> {
  if (entry.sizeBytes > mostRawBytes) throw tooLarge();
  const body = entry.type === 'commit' ? '' : await call.world.git.blob(call.repo.gitDir, entry.sha);
  return { body, headers: { 'content-type': 'application/vnd.github.raw; charset=utf-8' } };
}

async function directory(call: RepoCall, entry: TreeEntry, sha: string): Promise<Answer> {
  const entries = await call.world.git.list(call.repo.gitDir, entry.sha);
  const prefix = entry.path === '' ? '' : `${entry.path}/`;
  return { body: entries.map((one) => entryJson(call, one, { sha, path: `${prefix}${one.path}` })) };
}

async function fileJson(call: RepoCall, entry: TreeEntry, at: { sha: string; path: string }): Promise<Json> {
  const common = entryJson(call, entry, at);
  if (entry.type === 'commit') return { ...common, submodule_git_url: `${call.world.urls.web}/unknown` };
  if (entry.sizeBytes > mostJsonBytes) return { ...common, content: '', encoding: 'none' };
  const bytes = await call.world.git.blob(call.repo.gitDir, entry.sha);
  if (entry.mode === '120000') return { ...common, target: bytes.toString('utf8') };
  const lines = bytes.toString('base64').replace(/(.{60})/g, '$1\n');
  return { ...common, content: lines, encoding: 'base64' };
}

function entryJson(call: RepoCall, entry: TreeEntry, { sha, path }: { sha: string; path: string }): Json {
  const kinds = { blob: entry.mode === '120000' ? 'symlink' : 'file', tree: 'dir', commit: 'submodule' } as const;
  const api = `${call.world.urls.api}/repos/${fullName(call.repo)}`;
  const html = `${call.world.urls.web}/${fullName(call.repo)}`;
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const url = `${api}/contents/${encoded}?ref=${sha}`;
  const gitUrl = `${api}/git/${entry.type === 'tree' ? 'trees' : 'blobs'}/${entry.sha}`;
  const htmlUrl = `${html}/${entry.type === 'tree' ? 'tree' : 'blob'}/${sha}/${encoded}`;
  return {
    name: path.split('/').at(-1) ?? '',
    path,
    sha: entry.sha,
    size: entry.sizeBytes,
    url,
    html_url: htmlUrl,
    git_url: gitUrl,
    download_url: entry.type === 'blob' ? `${html}/raw/${sha}/${encoded}` : null,
    type: kinds[entry.type],
    _links: { self: url, git: gitUrl, html: htmlUrl },
  };
}

function tooLarge(): Error {
  return refuse(
    403,
    'This API returns blobs up to 100 MB in size. The requested blob is too large to fetch via the API',
  );
}

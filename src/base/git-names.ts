import { GroundcrewError } from './errors.ts';

/** How a remote is reached. `ext::`, `fd::` and every other transport helper runs programs: never. */
export const allowedProtocols = ['file', 'git', 'http', 'https', 'ssh'] as const;

/** Longest ref name that we work with; git itself has no limit, a hostile server may send any. */
export const longestRefName = 1024;

/** True for a full object id in lower case: SHA-1 (40 digits) or SHA-256 (64). */
export function isObjectId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/**
 * True for a full ref name (`refs/…`) that git accepts, and that we do: the rules of `git check-ref-format`, at most
 * `longestRefName` bytes, nothing that could be taken for an option.
 */
export function isRefName(name: string): boolean {
  if (!name.startsWith('refs/') || Buffer.byteLength(name) > longestRefName) return false;
  // Control characters and space, then what git reserves.
  if (/[\u0000-\u0020\u007f~^:?*[\\]/.test(name)) return false;
  if (name.includes('..') || name.includes('@{') || name.endsWith('.') || name.includes('\ufffd')) return false;
  return name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'));
}

/** True for a branch name as people write it, without `refs/heads/`. */
export function isBranchName(name: string): boolean {
  return !name.startsWith('-') && name !== 'HEAD' && isRefName(`refs/heads/${name}`);
}

/** True for a place on this machine rather than an address. */
export function isLocalPath(remote: string): boolean {
  return remote.startsWith('/');
}

/**
 * Refuses an address that could make git run something or read its options from it: an absolute path, a URL of an
 * allowed protocol, or `user@host:path`.
 * @throws GroundcrewError `git/bad-url`
 */
export function assertSafeRemote(remote: string): void {
  const problem = problemOf(remote);
  if (problem !== null) {
    throw new GroundcrewError('git/bad-url', `${JSON.stringify(shownRemote(remote).slice(0, 200))}: ${problem}`);
  }
}

function problemOf(remote: string): string | null {
  if (remote === '' || remote.length > 4096) return 'an address has 1 to 4096 characters';
  if (/[\u0000-\u001f\u007f]/.test(remote)) return 'control characters in an address';
  if (isLocalPath(remote)) return null;
  const url = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/]*)/.exec(remote);
  if (url !== null) {
    const protocol = url[1]?.toLowerCase() ?? '';
    if (!allowedProtocols.some((allowed) => allowed === protocol)) return `protocol ${protocol} is not allowed`;
    return hostProblem(url[2] ?? '', protocol === 'file');
  }
  // user@host:path, as ssh knows it; `name::path` would name a transport helper.
  const scp = /^([^:/]+):(?!:)(.+)$/.exec(remote);
  if (scp === null) return 'expected an absolute path, a URL or user@host:path';
  return hostProblem(scp[1] ?? '', false);
}

function hostProblem(authority: string, mayBeEmpty: boolean): string | null {
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (host === '' && !mayBeEmpty) return 'no host in the address';
  // ssh would read it as an option.
  if (host.startsWith('-') || authority.startsWith('-')) return 'a host must not begin with a dash';
  return null;
}

/** An address fit for a log: without user name and password. */
export function shownRemote(remote: string): string {
  return remote.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/@]*@/, '$1');
}

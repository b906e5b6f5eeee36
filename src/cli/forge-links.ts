import type { ForgeSettings } from '../config/forge-settings.ts';
import type { ForgeLinks } from '../web/web-deps.ts';

/**
 * Where a forge shows changes and commits to people: GitHub's addresses, below the configured `webUrl`. Null for
 * repositories that no forge with pages holds.
 */
export function createForgeLinks(forges: readonly Pick<ForgeSettings, 'name' | 'webUrl'>[]): ForgeLinks {
  const webUrls = new Map(forges.map(({ name, webUrl }) => [name, webUrl]));
  return ({ forge, repo, pull, branch, sha }) => {
    const webUrl = webUrls.get(forge);
    if (webUrl === undefined) return null;
    const base = `${webUrl}/${inPath(repo)}`;
    const change = branch === null ? null : `${base}/tree/${inPath(branch)}`;
    return { change: pull === null ? change : `${base}/pull/${String(pull)}`, commit: `${base}/commit/${sha}` };
  };
}

// Slashes stay: they are part of the names there, too.
function inPath(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}

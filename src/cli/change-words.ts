/**
 * A change in words that every command takes: `owner/repo#7`, `owner/repo@main`. Its key is `forge|repo|pull/7` or
 * `forge|repo|branch/main`.
 */
export function changeWords(of: { readonly forge: string; readonly repo: string; readonly changeKey: string }): string {
  const place = of.changeKey.slice(of.forge.length + of.repo.length + 2);
  return of.repo + place.replace(/^pull\//, '#').replace(/^branch\//, '@');
}

import { createBranchFilter } from './branch-pattern.ts';

/**
 * Which files of a pull request make a check worth its time: one that fits `only` (none: any file) and not `not`. Patterns
 * are those of branches: `*` is anything but a slash, `**` anything; one that ends in a slash means all below it.
 */
export interface PathFilter {
  readonly only: readonly string[];
  readonly not: readonly string[];
}

/** True when one of the files counts. */
export function hasWantedPath({ only, not }: PathFilter, files: readonly string[]): boolean {
  const isWanted = createBranchFilter(only.map(belowFolder));
  const isUnwanted = not.length === 0 ? () => false : createBranchFilter(not.map(belowFolder));
  return files.some((file) => isWanted(file) && !isUnwanted(file));
}

/** Why a check is not needed, for its status: one sentence. */
export function notNeeded({ only, not }: PathFilter): string {
  if (only.length > 0) return `Not needed: no changed file under ${only.join(', ')}`;
  return `Not needed: changes only ${not.join(', ')}`;
}

function belowFolder(pattern: string): string {
  return pattern.endsWith('/') ? `${pattern}**` : pattern;
}

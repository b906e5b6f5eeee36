import { parseContext } from '../core/check-context.ts';
import type { CheckPolicy, ProjectPolicy } from './plan-checks.ts';

/** One check as the map has it; the rest is the configuration's default. A null pool or priority is the default, too. */
export interface ImportedCheck extends Pick<CheckPolicy, 'context' | 'branches' | 'isManual' | 'needs'> {
  readonly pool: string | null;
  readonly priority: number | null;
}

/** One project of the map. `forge` is the prefix of its name (`codeberg:owner/repo`), null for the usual one. */
export interface ImportedProject extends Pick<ProjectPolicy, 'repo' | 'branches'> {
  readonly forge: string | null;
  readonly mainBranch: string;
  readonly checks: readonly ImportedCheck[];
}

/** What came of a map: projects, and entries that are not understood, each with one line; or what is wrong with all of it. */
export type ImportedMap =
  | { readonly kind: 'imported'; readonly projects: readonly ImportedProject[]; readonly ignored: readonly string[] }
  | { readonly kind: 'refused'; readonly why: string };

const manualBranch = '_manual';
const mostContexts = 500;

/**
 * Reads a test map of Cockpit's bots (`lib/testmap.py` as JSON: repository → branch → contexts, `_manual` for those that
 * no push starts). Contexts stay as they are written; one that several branches list becomes one check. All need KVM, as
 * all of Cockpit's do. By its rule a context with `rhel` anywhere in it goes to the machines inside Red Hat (`rhelPool`; null:
 * to the default pool), and one with `/devel` goes first.
 */
export function importTestMap(map: unknown, options: { readonly rhelPool: string | null }): ImportedMap {
  if (!isRecord(map)) return { kind: 'refused', why: 'expected a mapping of repositories to branches' };
  const ignored: string[] = [];
  const projects = Object.entries(map).flatMap(([name, branches]): ImportedProject[] => {
    const found = /^(?:([\w.-]+):)?([\w.-]+\/[\w.-]+)$/.exec(name);
    if (found?.[2] === undefined || !isRecord(branches)) {
      ignored.push(`${shown(name)}: expected OWNER/REPO with a mapping of branches to contexts`);
      return [];
    }
    const project = projectOf({ repo: found[2], forge: found[1] ?? null }, branches, options);
    ignored.push(...project.ignored.map((line) => `${name}: ${line}`));
    return [project.project];
  });
  return { kind: 'imported', projects, ignored };
}

function projectOf(
  { repo, forge }: Pick<ImportedProject, 'repo' | 'forge'>,
  map: Readonly<Record<string, unknown>>,
  { rhelPool }: { readonly rhelPool: string | null },
): { readonly project: ImportedProject; readonly ignored: readonly string[] } {
  const ignored: string[] = [];
  const branchesOf = new Map<string, string[]>();
  const manual = new Set<string>();
  const watched: string[] = [];
  for (const [branch, contexts] of Object.entries(map)) {
    // Our branches are patterns, and git lets no name hold these, but one may begin with `!`.
    if (!Array.isArray(contexts) || branch === '' || /[*?\s]|^!/.test(branch)) {
      ignored.push(`${shown(branch)}: expected a branch with a list of contexts`);
      continue;
    }
    if (branch !== manualBranch) watched.push(branch);
    for (const context of contexts as readonly unknown[]) {
      if (!isContext(context)) {
        ignored.push(`${branch}: ${shown(JSON.stringify(context) ?? '')} is no context`);
      } else if (branchesOf.size + manual.size >= mostContexts) {
        ignored.push(`${branch}: ${context}: more than ${String(mostContexts)} contexts`);
      } else if (branch === manualBranch) manual.add(context);
      else {
        const known = branchesOf.get(context) ?? [];
        if (!known.includes(branch)) known.push(branch);
        branchesOf.set(context, known);
      }
    }
  }
  const checkOf = (context: string, branches: readonly string[], isManual: boolean): ImportedCheck => ({
    context,
    branches,
    isManual,
    needs: ['kvm'],
    pool: context.includes('rhel') ? rhelPool : null,
    priority: context.includes('/devel') ? 9 : null,
  });
  // Of two checks with one context the first that fits counts, so what a push starts stands before what it does not.
  const checks = [
    ...[...branchesOf].map(([context, branches]) => checkOf(context, branches, false)),
    ...[...manual].map((context) => checkOf(context, ['**'], true)),
  ];
  const mainBranch = watched.includes('master') ? 'master' : 'main';
  // Who has only manual contexts still wants requests to be heard.
  const branches = watched.length > 0 ? watched : [mainBranch];
  return { project: { repo, forge, branches, mainBranch, checks }, ignored };
}

function isContext(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= 200 &&
    !/[\u0000-\u0020\u007f]/.test(value) &&
    parseContext(value) !== null
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands in somebody's file, for one line. */
function shown(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return line.length > 100 ? `${line.slice(0, 99)}…`.toWellFormed() : line;
}

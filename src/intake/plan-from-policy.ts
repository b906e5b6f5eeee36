import { subjectOf, type Change } from '../core/change.ts';
import { planChecks, type ProjectPolicy } from '../decide/plan-checks.ts';
import type { Forge } from '../forge/forge.ts';
import type { PlanSource } from './plan-source.ts';

/**
 * The plan that the server's configuration makes for a change. Where a check has no command of its own, the commit must bring
 * one of `entryPoints`; a commit without any gets one helpful sentence instead of a failure.
 */
export function createPolicyPlan(options: {
  readonly policyOf: (forge: string, repo: string) => ProjectPolicy | null;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly entryPoints: readonly string[];
}): PlanSource {
  const hasEntryPoint = async (change: Change, signal: AbortSignal): Promise<boolean> => {
    const forge = options.forges.get(change.forge);
    if (forge === undefined) return false;
    // At once: somebody waits for the first line of a log, and each look is a process of git's.
    const texts = await Promise.all(
      options.entryPoints.map((path) => forge.fileAt(change.repo, change.headSha, path, signal)),
    );
    return texts.some((text) => text !== null);
  };
  return async (change, signal) => {
    const policy = options.policyOf(change.forge, change.repo);
    if (policy === null) return { kind: 'checks', checks: [] };
    const checks = planChecks({ policy, subject: subjectOf(change), commandSubjects: new Map() });
    const needsEntryPoint = checks.some((check) => check.command === null && check.commandSubject === null);
    if (!needsEntryPoint || (await hasEntryPoint(change, signal))) return { kind: 'checks', checks };
    const sentence = `Nothing to run: commit an executable ${options.entryPoints[0] ?? ''} (or ${options.entryPoints.slice(1).join(', ')})`;
    return { kind: 'nothing', sentence };
  };
}

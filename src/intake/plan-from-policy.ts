import { subjectOf, type Change } from '../core/change.ts';
import {
  botsPulls,
  foreignContexts,
  hasPathFilters,
  planOf,
  type PlanInput,
  type ProjectPolicy,
} from '../decide/plan-checks.ts';
import type { Forge } from '../forge/forge.ts';
import type { PlanSource } from './plan-source.ts';
import { resolveBots, resolveForeign } from './resolve-foreign.ts';

/**
 * The plan that the server's configuration makes for a change. Contexts whose tests live elsewhere are resolved to commits;
 * which files changed is asked only where a check depends on it. Where a check has no command of its own, the commit must
 * bring one of `entryPoints`; a commit without any gets one helpful sentence instead of a failure.
 */
export function createPolicyPlan(options: {
  readonly policyOf: (forge: string, repo: string) => ProjectPolicy | null;
  /** Of what `policyOf` gives at that moment. Absent: nobody counts. */
  readonly version?: () => string;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly entryPoints: readonly string[];
}): PlanSource {
  const { forges } = options;
  const hasEntryPoint = async (change: Change, signal: AbortSignal): Promise<boolean> => {
    const forge = forges.get(change.forge);
    if (forge === undefined) return false;
    // At once: somebody waits for the first line of a log, and each look is a process of git's.
    const texts = await Promise.all(
      options.entryPoints.map((path) => forge.fileAt(change.repo, change.headSha, path, signal)),
    );
    return texts.some((text) => text !== null);
  };
  const findOut = async (policy: ProjectPolicy, change: Change, signal: AbortSignal): Promise<PlanInput> => {
    const { baseRef } = change;
    const forge = forges.get(change.forge);
    const pulls = botsPulls(policy, baseRef);
    const asksFiles = forge !== undefined && change.pull !== null && hasPathFilters(policy, baseRef);
    const [commandSubjects, botsShas, changedFiles] = await Promise.all([
      resolveForeign(foreignContexts(policy, baseRef), { forges, forge: change.forge }, signal),
      resolveBots(pulls, { forge, repo: policy.botsRepo }, signal),
      asksFiles ? forge.changedFiles(change.repo, change, signal) : null,
    ]);
    return { policy, subject: subjectOf(change), commandSubjects, botsShas, change, changedFiles };
  };
  return async (change, signal, known) => {
    const policy = options.policyOf(change.forge, change.repo);
    const policyVersion = options.version?.();
    if (policy === null) return { kind: 'checks', checks: [] };
    const { checks, leftOut } = planOf(await findOut(policy, change, signal));
    const plan = {
      kind: 'checks',
      checks,
      ...(leftOut.length === 0 ? {} : { leftOut }),
      ...(policyVersion === undefined ? {} : { policyVersion }),
    } as const;
    const needsEntryPoint = checks.some((check) => check.command === null && check.commandSubject === null);
    // Hundreds of commits that ran already would cost as many requests at each scan of everything.
    if (!needsEntryPoint || known?.hasRun === true || (await hasEntryPoint(change, signal))) return plan;
    const sentence = `Nothing to run: commit an executable ${options.entryPoints[0] ?? ''} (or ${options.entryPoints.slice(1).join(', ')})`;
    return { kind: 'nothing', sentence };
  };
}

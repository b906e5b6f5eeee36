import { parseContext } from '../core/check-context.ts';
import type { Subject } from '../core/subject.ts';

/**
 * What a context tells its job, in the variables that Cockpit's tests read (`tests-scan` in cockpit-project/bots). The
 * configuration may say otherwise. `COCKPIT_BOTS_REF` is something to fetch from the bots repository.
 */
export function contextEnv(context: string): Readonly<Record<string, string>> {
  const parsed = parseContext(context);
  if (parsed === null) return {};
  return {
    TEST_OS: parsed.image,
    ...(parsed.scenario === null ? {} : { TEST_SCENARIO: parsed.scenario }),
    COCKPIT_BOTS_REF: parsed.botsPull === null ? 'main' : `refs/pull/${String(parsed.botsPull)}/head`,
  };
}

/** What is tested, in the same people's variables. No configuration overrules it. */
export function subjectEnv(subject: Subject): Readonly<Record<string, string>> {
  return {
    TEST_REVISION: subject.sha,
    BASE_BRANCH: subject.baseRef,
    ...(subject.pull === null ? {} : { TEST_PULL: String(subject.pull) }),
  };
}

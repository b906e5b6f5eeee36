/** The jobs of `bench/scale.ts`: pull requests of some projects, each with as many checks. */
import type { Job } from '../src/core/job.ts';
import { anOrder } from '../test/support/ledger-world.ts';

const projects = 20;
/** Checks of one pull request. */
export const checksEach = 50;

/** The repository of the pull request. */
export function repoOf(pull: number): string {
  return `project-${String(pull % projects)}`;
}

/** All that is to be run for the pull request. */
export function ordersOf(pull: number): readonly Job[] {
  const sha = pull.toString(16).padStart(40, '0');
  return Array.from({ length: checksEach }, (_, index) =>
    anOrder({ repo: repoOf(pull), sha, pull, context: `system-${String(index)}/scenario` }),
  );
}

import { suite, test } from 'node:test';
import { openBench, type ExecutorClause, type ExecutorFixture } from './contract/bench.ts';
import { endClauses } from './contract/end-clauses.ts';
import { outputClauses } from './contract/output-clauses.ts';
import { placeClauses } from './contract/place-clauses.ts';
import { survivalClauses } from './contract/survival-clauses.ts';

/** Every promise of the port, one by one. */
export const executorClauses: readonly ExecutorClause[] = [
  ...endClauses,
  ...outputClauses,
  ...placeClauses,
  ...survivalClauses,
];

/** Registers every clause as a test. */
export function executorContract(name: string, gate: { skip: false | string }, fixture: ExecutorFixture): void {
  void suite(`contract of the ${name} executor`, gate, () => {
    for (const clause of executorClauses) {
      void test(clause.title, { timeout: 60_000 }, () => runClause(clause, fixture));
    }
  });
}

/** Runs one clause in directories of its own, and leaves nothing behind whatever comes of it. */
export async function runClause(clause: ExecutorClause, fixture: ExecutorFixture): Promise<void> {
  const bench = await openBench(fixture);
  try {
    if (clause.isForIsolating === true && !bench.executor.isIsolating) return;
    await clause.check(bench);
  } finally {
    await bench.close();
  }
}

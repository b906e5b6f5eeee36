import { test } from 'node:test';
import { connectionClauses } from './connection.contract.ts';
import { deathClauses } from './death.contract.ts';
import { deliveryClauses } from './delivery.contract.ts';
import type { QueueClause, QueueHarness } from './hands.contract.ts';

/** Everything that the port promises, a clause each. */
export const queueClauses: readonly QueueClause[] = [...deliveryClauses, ...deathClauses, ...connectionClauses];

/** Runs the contract against an adapter; `open` makes a fresh broker for each clause. */
export function testQueueContract(adapter: string, open: () => Promise<QueueHarness>): void {
  for (const { title, check } of queueClauses) {
    test(`${adapter}: ${title}`, async () => {
      const harness = await open();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    });
  }
}

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { runCampaign } from './campaign.ts';
import { faultKinds } from './plan.ts';
import { chaosReport } from './report.ts';

test(
  'ten minutes of every fault lose none of 1,000 jobs, and no verdict is wrong',
  { timeout: 2_700_000, ...needs('git', 'linux', 'root', 'rabbitmq') },
  async (context) => {
    const seed = randomInt(1_000_000);
    const order = {
      dir: await tempDir(context),
      seed,
      lengthMs: 600_000,
      jobs: 1_000,
      perKind: 24,
      kinds: faultKinds,
      workers: 8,
      slots: 1,
      accounts: 6,
      hasDisks: true,
      restWithinMs: 600_000,
      awaitsTidying: true,
    };
    const result = await runCampaign(order);
    const command = `node test/scenarios/chaos/main.ts --minutes 10 --jobs 1000 --each 24 --tidy --seed ${String(seed)} --keep`;
    context.diagnostic(chaosReport(order, result, command));
    assert.deepEqual(result.wrong, [], command);
    for (const kind of faultKinds) {
      const hits = result.hits.filter((hit) => hit.kind === kind).length;
      assert.ok(hits >= 20, `${kind} hit ${String(hits)} times: too seldom to say anything`);
    }
  },
);

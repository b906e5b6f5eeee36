import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { runCampaign } from './campaign.ts';
import { faultKinds } from './plan.ts';
import { chaosReport } from './report.ts';

test(
  'RabbitMQ, S3, GitHub, server and workers fail in every way for half a minute, and nothing is lost',
  { timeout: 225_000, ...needs('git', 'linux', 'root', 'rabbitmq') },
  async (context) => {
    const seed = randomInt(1_000_000);
    const order = {
      dir: await tempDir(context),
      seed,
      lengthMs: 30_000,
      jobs: 40,
      perKind: 1,
      kinds: faultKinds,
      workers: 4,
      slots: 2,
      accounts: 6,
      hasDisks: true,
      restWithinMs: 140_000,
      awaitsTidying: false,
    };
    const result = await runCampaign(order);
    const command = `node test/scenarios/chaos/main.ts --minutes 0.5 --jobs 40 --each 1 --workers 4 --slots 2 --seed ${String(seed)} --keep`;
    context.diagnostic(chaosReport(order, result, command));
    assert.deepEqual(result.wrong, [], command);
  },
);

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { runCampaign } from './campaign.ts';

for (const form of ['up', 'apart'] as const) {
  test(`hundreds of kills lose nothing (${form})`, { timeout: 900_000, ...needs('git', 'linux') }, async (context) => {
    const seed = randomInt(1_000_000);
    const dir = await tempDir(context);
    const order = { dir, form, image: null, kills: 200, seed, meanGapMs: 2_500, restWithinMs: 240_000, mostTries: 2 };
    const { wrong, said, ...rest } = await runCampaign(order);
    context.diagnostic(JSON.stringify(rest));
    assert.deepEqual(
      wrong,
      [],
      `node test/scenarios/kill/main.ts --form ${form} --kills 200 --seed ${String(seed)}\n${said}`,
    );
  });
}

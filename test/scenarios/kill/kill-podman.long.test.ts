import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { testImage } from '../../support/test-image.ts';
import { runCampaign } from './campaign.ts';

for (const form of ['up', 'apart'] as const) {
  test(
    `kills around containers lose nothing and leave no container behind (${form})`,
    { timeout: 900_000, ...needs('git', 'linux', 'podman', 'root') },
    async (context) => {
      const seed = randomInt(1_000_000);
      const dir = await tempDir(context);
      const image = await testImage();
      const order = { dir, form, image, kills: 40, seed, meanGapMs: 4_000, restWithinMs: 240_000, mostTries: 2 };
      const { wrong, said, ...rest } = await runCampaign(order);
      context.diagnostic(JSON.stringify(rest));
      const again = `node test/scenarios/kill/main.ts --podman --form ${form} --kills 40 --gap 4000 --seed ${String(seed)}`;
      assert.deepEqual(wrong, [], `${again}\n${said}`);
    },
  );
}

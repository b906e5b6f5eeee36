import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { runCampaign } from './campaign.ts';
import type { Form } from './house.ts';

const titles: Readonly<Record<Form, string>> = {
  up: 'nothing is lost when up or what it runs is killed again and again',
  apart: 'nothing is lost when server, workers or what they run are killed again and again',
};

describe('kill -9', { concurrency: true, ...needs('git', 'linux') }, () => {
  for (const form of ['up', 'apart'] as const) {
    test(titles[form], { timeout: 180_000 }, async (context) => {
      const seed = randomInt(1_000_000);
      const dir = await tempDir(context);
      const order = { dir, form, image: null, kills: 12, seed, meanGapMs: 2_200, restWithinMs: 120_000, mostTries: 1 };
      const { wrong, said, ...rest } = await runCampaign(order);
      const again = `node test/scenarios/kill/main.ts --form ${form} --kills 12 --gap 2200 --seed ${String(seed)}`;
      context.diagnostic(JSON.stringify(rest));
      assert.deepEqual(wrong, [], `${again}\n${said}`);
    });
  }
});

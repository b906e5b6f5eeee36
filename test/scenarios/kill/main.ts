import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { testImage } from '../../support/test-image.ts';
import { runCampaign } from './campaign.ts';
import type { Form } from './house.ts';

// node test/scenarios/kill/main.ts --form up|apart --kills N [--seed S] [--gap MS] [--podman] [--keep]
const { values } = parseArgs({
  options: {
    form: { type: 'string', default: 'up' },
    kills: { type: 'string', default: '12' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    gap: { type: 'string', default: '2500' },
    podman: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const dir = await mkdtemp(join(tmpdir(), 'gc-kill-'));
const form: Form = values.form === 'apart' ? 'apart' : 'up';
const result = await runCampaign({
  dir,
  form,
  image: values.podman ? await testImage() : null,
  kills: Number(values.kills),
  seed: Number(values.seed),
  meanGapMs: Number(values.gap),
  restWithinMs: 240_000,
  mostTries: 2,
});
const { readyMs, said: _said, ...rest } = result;
const sorted = [...readyMs].sort((a, b) => a - b);
const ready = { median: sorted[sorted.length >> 1], most: sorted.at(-1) };
process.stdout.write(
  `${JSON.stringify({ form, podman: values.podman, seed: Number(values.seed), ...rest, ready }, null, 2)}\n`,
);
if (result.wrong.length === 0 && !values.keep) await rm(dir, { recursive: true, force: true });
else process.stdout.write(`everything is kept in ${dir}\n`);
process.exitCode = result.wrong.length === 0 ? 0 : 1;

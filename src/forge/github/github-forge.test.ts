import { openGitHubWorld } from '../../../test/support/github-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { forgeContract } from '../forge.contract.ts';

const held = { gate: needs('git'), abilities: ['memory'] } as const;
for (const as of ['token', 'app'] as const) {
  forgeContract(`GitHub forge, ${as}`, held, (context) => openGitHubWorld(context, { as }));
}

import { needs } from '../../../test/support/needs.ts';
import { openGitWorld } from '../../../test/support/git-world.ts';
import { forgeContract } from '../forge.contract.ts';

for (const kind of ['bare', 'work tree', 'file url', 'http'] as const) {
  const held = { gate: needs('git'), abilities: ['movements'] } as const;
  forgeContract(`git forge, ${kind}`, held, (context) => openGitWorld(context, kind));
}

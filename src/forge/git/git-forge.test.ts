import { needs } from '../../../test/support/needs.ts';
import { openGitWorld } from '../../../test/support/git-world.ts';
import { suite } from 'node:test';
import { forgeContract } from '../forge.contract.ts';

for (const kind of ['bare', 'work tree', 'file url', 'http'] as const) {
  suite(`git forge, ${kind}`, needs('git'), () => {
    forgeContract(`git (${kind})`, (context) => openGitWorld(context, kind));
  });
}

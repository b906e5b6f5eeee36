import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asker } from '../../../../test/support/github-call.ts';
import { openGitHubWorld, type GitHubWorld } from '../../../../test/support/github-world.ts';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { needs } from '../../../../test/support/needs.ts';
import { credentialKey } from '../../../base/git-credential.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);
const minted = ({ hub }: GitHubWorld): number =>
  hub.requests.filter(({ method, path }) => method === 'POST' && path.includes('access_tokens')).length;

/** The password that git would be told. */
async function passwordFrom({ forge, repo }: Pick<GitHubWorld, 'forge' | 'repo'>, isRefused?: boolean) {
  const config = await forge.fetchCredentials?.(repo, signal(), isRefused);
  return /^password=(.+)$/m.exec(config?.[credentialKey] ?? '')?.[1] ?? assert.fail('no password');
}

test(
  'an installation token that git was refused with is replaced, once for all who were refused together',
  needs('git'),
  async (context) => {
    const clock = createHandClock(Date.now());
    const world = await openGitHubWorld(context, { as: 'app', fake: { clock } });
    const first = await passwordFrom(world);
    world.hub.people.revokeToken(first);
    assert.equal(await passwordFrom(world), first, 'nobody has said so yet');
    const together = await Promise.all([passwordFrom(world, true), passwordFrom(world, true)]);
    clock.pass(9_999);
    const others = [...together, await passwordFrom(world, true), await passwordFrom(world)];
    assert.equal(new Set(others).size, 1);
    assert.notEqual(others[0], first);
    assert.equal((await asker(world.hub.url, others[0] ?? '')(`GET /repos/${world.repo}/contents/README`)).status, 200);
    assert.equal(minted(world), 2);
    clock.pass(1);
    assert.notEqual(await passwordFrom(world, true), others[0], 'this one may have died as well');
    assert.equal(minted(world), 3);
  },
);

test(
  'while no other token can be had, whoever was refused hears why, and the next one asks again',
  needs('git'),
  async (context) => {
    const world = await openGitHubWorld(context, { as: 'app' });
    const first = await passwordFrom(world);
    const fault = world.hub.faults.add({ does: 'answer', status: 401, method: 'POST', path: /access_tokens/ });
    await assert.rejects(passwordFrom(world, true), { code: 'forge/unauthorized' });
    fault.lift();
    assert.notEqual(await passwordFrom(world, true), first);
  },
);

test('a plain token is given again, unless it was edited meanwhile', needs('git'), async (context) => {
  const world = await openGitHubWorld(context);
  let token = 'of-yesterday';
  const forge = world.open({ auth: { kind: 'token', token: () => token } });
  const { repo } = world;
  assert.equal(await passwordFrom({ forge, repo }), 'of-yesterday');
  assert.equal(await passwordFrom({ forge, repo }, true), 'of-yesterday');
  token = 'of-today';
  assert.equal(await passwordFrom({ forge, repo }, true), 'of-today');
});

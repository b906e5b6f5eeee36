import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { needs } from '../../support/needs.ts';
import { openSteppedHouse } from '../../support/stepped-house.ts';

const minute = 60_000;

test(
  'the rate limit ends in the middle of a push with 57 contexts: every verdict arrives, once',
  needs('git'),
  async (t) => {
    const contexts = Array.from({ length: 57 }, (_, i) => `image-${String(i % 10)}/scenario-${String(i)}`);
    const house = await openSteppedHouse(t, {
      contexts,
      slots: 64,
      // Every tenth fails; none is over before the quota is.
      runs: ({ context }) => ({
        ms: 5 * minute,
        outcome: context.startsWith('image-3/') ? { kind: 'failed', exitCode: 1, reason: 'exit' } : { kind: 'passed' },
      }),
    });
    const { hub, repo } = house.world;
    // The branch first: its verdicts are not what this is about.
    const main = hub.world.repos.get(repo)?.state.branches.get('main') ?? '';
    await house.passUntil(() => house.history(main).length >= 57, 'the branch to be judged', 15 * minute);
    const sha = await hub.people.commit(repo, { branch: 'topic', files: { a: '1' }, by: 'ada' });
    await hub.people.openPull(repo, { branch: 'topic', by: 'ada' });
    await house.passUntil(() => house.history(sha).length >= 20, 'twenty first words', 5 * minute);
    const told = house.history(sha);
    assert.ok(told.length < 57 && told.every(({ state }) => state === 'pending'));

    const key = hub.requests.at(-1)?.key ?? '';
    const { resetAt } = hub.limits.quota(key, 'core');
    hub.limits.leave(key, 'core', 0);
    hub.limits.leave(key, 'graphql', 0);
    hub.forgetRequests();
    await house.pass(10 * minute, 1_000);
    assert.equal(house.ran.filter(({ subject }) => subject.sha === sha).length, 57, 'the tests go on');
    assert.ok(house.history(sha).length - told.length <= 1, 'nothing is told');
    const refused = hub.requests.filter(({ status }) => status === 403 || status === 429).length;
    assert.ok(refused <= 10, `GitHub had to refuse ${String(refused)} times`);

    await house.pass(resetAt - house.clock.now(), 2_000);
    const isFinal = ({ state }: { readonly state: string }): boolean => state !== 'pending';
    await house.passUntil(() => house.history(sha).filter(isFinal).length >= 57, '57 verdicts', 10 * minute);
    // A retry that comes too late, or a word that was left over, would show now.
    await house.pass(2 * minute, 1_000);
    const history = house.history(sha);
    assert.deepEqual(
      history.slice(told.length).filter((one) => !isFinal(one)),
      [],
      'verdicts go first, and there is no more to say',
    );
    for (const context of contexts) {
      const of = history.filter((one) => one.context === context).map(({ state }) => state);
      assert.equal(of.filter((state) => state !== 'pending').length, 1, `${context}: ${of.join(', ')}`);
      assert.equal(of.at(-1), context.startsWith('image-3/') ? 'failure' : 'success');
    }
    assert.equal(house.ran.filter(({ subject }) => subject.sha === sha).length, 57, 'nothing ran twice');
  },
);

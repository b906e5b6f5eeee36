import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gate } from '../../test/support/needs.ts';
import type { CleansUp } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { isGroundcrewError } from '../base/errors.ts';
import { changeKey } from '../core/subject.ts';
import type { Forge } from './forge.ts';
import { memoryClauses } from './memory.contract.ts';
import type { ForgeAbility, ForgeClause, ForgeWorld } from './world.contract.ts';

/** Registers every clause that this forge must hold as a test. `open` makes a fresh world for each. */
export function forgeContract(
  name: string,
  { gate, abilities }: { readonly gate: Gate; readonly abilities: readonly ForgeAbility[] },
  open: (context: CleansUp) => Promise<ForgeWorld>,
): void {
  for (const { title, of, run } of [...forgeClauses, ...memoryClauses]) {
    if (of === undefined || abilities.includes(of))
      test(`${name}: ${title}`, gate, async (context) => run(await open(context), context));
  }
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

const keyOf = (world: ForgeWorld, place: { branch: string } | { pull: number }): string => {
  const branch = 'branch' in place ? place.branch : null;
  const pull = 'pull' in place ? place.pull : null;
  return changeKey({ forge: world.forge.name, repo: world.repo, branch, pull, baseRef: 'main' });
};

const clause = (title: string, run: ForgeClause['run']): ForgeClause => ({ title, run });
const moving = (title: string, run: ForgeClause['run']): ForgeClause => ({ title, of: 'movements', run });

/** A real watch tells in well under a second; a busy machine may need more. */
const patient = ({ patienceMs = 30_000 }: ForgeWorld): { readonly within: number } => ({ within: patienceMs });

/** All clauses; a deliberately broken forge fails at least one (`forge.contract.test.ts`). */
export const forgeClauses: readonly ForgeClause[] = [
  clause('every branch and open pull request is a place, with its head', async (world) => {
    const main = await world.forge.headOf(world.repo, 'main', signal());
    const topic = await world.commit({ branch: 'feature/x', files: { a: '1' } });
    await world.setPull(7, topic);
    const places = await world.forge.places(world.repo, signal());
    assert.deepEqual(
      places
        .map(({ changeKey: key, headSha }) => ({ changeKey: key, headSha }))
        .sort((a, b) => a.changeKey.localeCompare(b.changeKey)),
      [
        { changeKey: keyOf(world, { branch: 'feature/x' }), headSha: topic },
        { changeKey: keyOf(world, { branch: 'main' }), headSha: main },
        { changeKey: keyOf(world, { pull: 7 }), headSha: topic },
      ],
    );
  }),

  clause('a view shows the place as it is now, versions grow, over a restart too', async (world) => {
    const key = keyOf(world, { branch: 'main' });
    const first = await world.commit({ branch: 'main', files: { a: '1' }, title: 'Make it\u001b[31m so' });
    const one = await world.forge.view(world.repo, key, signal());
    const second = await world.commit({ branch: 'main', files: { a: '2' }, title: 'again' });
    const two = await world.forge.view(world.repo, key, signal());
    const three = await world.reopened().view(world.repo, key, signal());
    assert.equal(one?.change.headSha, first);
    assert.equal(two?.change.headSha, second);
    assert.equal(two.change.title, 'again');
    assert.doesNotMatch(one.change.title, /\p{Cc}/u);
    assert.match(one.change.title, /^Make it/);
    assert.notEqual(one.change.author, '');
    assert.deepEqual([one.change.branch, one.change.pull, one.change.baseRef], ['main', null, 'main']);
    assert.deepEqual([one.change.trust, one.change.isOpen], ['trusted', true]);
    assert.ok(one.change.version < two.change.version);
    assert.ok(two.change.version < (three?.change.version ?? 0));
  }),

  clause("a stranger's pull request is definitely not trusted and is meant for the default branch", async (world) => {
    const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
    await world.setPull(12, sha);
    const view = await world.forge.view(world.repo, keyOf(world, { pull: 12 }), signal());
    assert.ok(view !== null);
    const { pull, branch, baseRef, headSha, trust } = view.change;
    assert.deepEqual(
      { pull, branch, baseRef, headSha, trust },
      { pull: 12, branch: null, baseRef: 'main', headSha: sha, trust: 'untrusted' },
    );
  }),

  clause('a place that is gone has no view and no head', async (world) => {
    await world.commit({ branch: 'topic', files: { a: '1' } });
    await world.deleteBranch('topic');
    assert.equal(await world.forge.view(world.repo, keyOf(world, { branch: 'topic' }), signal()), null);
    assert.equal(await world.forge.headOf(world.repo, 'topic', signal()), null);
    for (const key of [
      '',
      'x',
      `${world.forge.name}|${world.repo}|`,
      `other|${world.repo}|branch/main`,
      keyOf(world, { pull: 99 }),
    ]) {
      assert.equal(await world.forge.view(world.repo, key, signal()), null, key);
    }
    for (const ref of ['-x', '', '../main', 'ma in', 'refs/heads/main', 'HEAD', '--upload-pack=evil']) {
      assert.equal(await world.forge.headOf(world.repo, ref, signal()), null, ref);
    }
  }),

  clause('a file is read at a commit, not at a branch', async (world) => {
    const old = await world.commit({ branch: 'main', files: { 'dir/file': 'old\n', link: { link: 'dir/file' } } });
    const now = await world.commit({ branch: 'main', files: { 'dir/file': 'new ü\n' } });
    const read = (sha: string, path: string): Promise<string | null> =>
      world.forge.fileAt(world.repo, sha, path, signal());
    assert.equal(await read(old, 'dir/file'), 'old\n');
    assert.equal(await read(now, 'dir/file'), 'new ü\n');
    assert.equal(await read(now, 'link'), 'new ü\n');
  }),

  clause('what is no plain file of the repository is null, and large files are cut', async (world) => {
    const sha = await world.commit({
      branch: 'main',
      files: {
        'dir/a': '1',
        out: { link: '../../etc/passwd' },
        abs: { link: '/etc/passwd' },
        big: 'x'.repeat(200_000),
      },
    });
    for (const path of [
      'nothing',
      'dir',
      'out',
      'abs',
      '',
      '.',
      '../x',
      '/etc/passwd',
      'dir/../dir/a',
      'dir/a/b',
      'a\nb',
    ]) {
      assert.equal(await world.forge.fileAt(world.repo, sha, path, signal()), null, JSON.stringify(path));
    }
    assert.equal((await world.forge.fileAt(world.repo, sha, 'big', signal()))?.length, 65536);
  }),

  clause('statuses, approvals and requests may be posted twice', async ({ forge, repo }) => {
    const sha = (await forge.headOf(repo, 'main', signal())) ?? '';
    const status = { repo, sha, context: 'c', state: 'success', description: 'd', targetUrl: null } as const;
    for (let i = 0; i < 2; i += 1) {
      await forge.setStatus(status, signal());
      await forge.rememberApproval(repo, sha, 'ada', signal());
      await forge.markRequestDone(repo, 'request', signal());
    }
  }),

  clause('a repository that is not watched is refused for good', async ({ forge }) => {
    await assert.rejects(forge.places('no/such', signal()), (error) => {
      assert.ok(isGroundcrewError(error, 'forge/unknown-repo'));
      return error.retry === 'never';
    });
  }),

  clause('a repository that vanishes is an error to come back from, not an empty list', async (world) => {
    await world.breakIt();
    const calls = [
      () => world.forge.places(world.repo, signal()),
      () => world.forge.view(world.repo, keyOf(world, { branch: 'main' }), signal()),
      () => world.forge.headOf(world.repo, 'main', signal()),
    ];
    for (const call of calls) {
      await assert.rejects(call, (error) => {
        assert.ok(isGroundcrewError(error) && error.code.startsWith('forge/'), String(error));
        return error.retry !== 'never';
      });
    }
  }),

  moving('every movement is told once, with an id of its own', async (world, context) => {
    const heard = listen(world.forge, context);
    const a = await world.commit({ branch: 'topic', files: { a: '1' } });
    const key = keyOf(world, { branch: 'topic' });
    await until(() => heard.at(key).includes(a), patient(world));
    const b = await world.commit({ branch: 'topic', files: { a: '2' } });
    await until(() => heard.at(key).includes(b), patient(world));
    await world.setPull(3, b);
    await until(() => heard.at(keyOf(world, { pull: 3 })).includes(b), patient(world));
    await world.setPull(3, a);
    await until(() => heard.at(keyOf(world, { pull: 3 })).length === 2, patient(world));
    // Back to where it was: a movement of its own.
    await world.setPull(3, b);
    await until(() => heard.at(keyOf(world, { pull: 3 })).length === 3, patient(world));
    await world.deleteBranch('topic');
    await until(() => heard.at(key).includes(null), patient(world));
    assert.deepEqual(heard.at(key), [a, b, null]);
    assert.deepEqual(heard.at(keyOf(world, { pull: 3 })), [b, a, b]);
    assert.equal(new Set(heard.all.map(({ deliveryId }) => deliveryId)).size, heard.all.length);
    await heard.stop();
  }),

  moving('what could not be stored is told again', async (world, context) => {
    let refusals = 3;
    const heard = listen(world.forge, context, () => {
      if (refusals-- > 0) throw new Error('the disk is full');
    });
    const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
    await until(() => heard.at(keyOf(world, { branch: 'topic' })).includes(sha), patient(world));
    await heard.stop();
  }),

  moving('what moved while we were away is told at start, and the rest is not', async (world, context) => {
    const first = listen(world.forge, context);
    await until(() => first.at(keyOf(world, { branch: 'main' })).length > 0, patient(world));
    await first.stop();
    const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
    const second = listen(world.reopened(), context);
    await until(() => second.all.length > 0, patient(world));
    assert.deepEqual(
      second.all.map((moved) => [moved.changeKey, moved.sha]),
      [[keyOf(world, { branch: 'topic' }), sha]],
    );
    await second.stop();
  }),

  clause('watching ends when it is told to', async (world) => {
    const stop = new AbortController();
    const watching = world.forge.watch(() => Promise.resolve(), stop.signal);
    stop.abort();
    await watching;
  }),
];

type Moved = Parameters<Parameters<Forge['watch']>[0]>[0];

interface Heard {
  readonly all: Moved[];
  /** Heads of one place in the order heard. */
  at(key: string): (string | null)[];
  stop(): Promise<void>;
}

function listen(forge: Forge, context: CleansUp, first: () => void = () => undefined): Heard {
  const all: Moved[] = [];
  const controller = new AbortController();
  const watching = forge.watch(async (moved) => {
    first();
    all.push(moved);
  }, controller.signal);
  const stop = (): Promise<void> => {
    controller.abort();
    return watching;
  };
  context.after(stop);
  return { all, at: (key) => all.filter(({ changeKey }) => changeKey === key).map(({ sha }) => sha), stop };
}

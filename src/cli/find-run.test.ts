import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addFakeHeld, addFakeRun, createFakeWorld } from '../../test/support/fake-web-deps.ts';
import { findHeld, findNamed, findRun } from './find-run.ts';

const world = createFakeWorld();
const { reader } = world.deps;
const sha = '1234567890abcdef1234567890abcdef12345678';
const first = addFakeRun(world, { repo: 'a', sha, context: 'x', queuedAt: 1000 });
const again = addFakeRun(world, { repo: 'a', sha, context: 'x', queuedAt: 2000 });
const other = addFakeRun(world, { repo: 'a', sha, context: 'y', queuedAt: 1500 });
const pull = addFakeRun(world, { repo: 'b/c', pull: 7, branch: null, queuedAt: 500 });
addFakeHeld(world, { repo: 'b/c', pull: 8, headSha: 'c'.repeat(40), key: 'git|b/c|pull/8' });
addFakeHeld(world, { repo: 'd', pull: 8, headSha: 'd'.repeat(40), key: 'git|d|pull/8' });

const idsOf = async (word: string): Promise<string[]> => {
  const named = await findNamed(reader, word);
  return named.kind === 'runs' ? named.runs.map(({ jobId }) => jobId) : [named.change.change.key];
};

test('a run is found by the start of its id and by the address of its page', async () => {
  assert.equal((await findRun(reader, first.slice(0, 6))).job.id, first);
  assert.equal((await findRun(reader, `https://ci.example.org/runs/${first}/1?at=5#L7`)).job.id, first);
  await assert.rejects(findRun(reader, 'ffffff'), /ffffff: no run is called that; .*retention\.runs/);
  await assert.rejects(findRun(reader, '../x'), /no run is called that/);
  await assert.rejects(findRun(null, first), /no run is called that/);
});

test('a commit means the newest run of each context there', async () => {
  assert.deepEqual(await idsOf(sha.slice(0, 7)), [again, other]);
});

test('pull requests and branches are named with or without their repository', async () => {
  assert.deepEqual(await idsOf('#7'), [pull]);
  assert.deepEqual(await idsOf('b/c#7'), [pull]);
  assert.deepEqual(await idsOf('b/c/pull/7'), [pull]);
  assert.deepEqual(await idsOf('a@main'), [again, other]);
  assert.deepEqual(await idsOf('b/c#8'), ['git|b/c|pull/8']);
  for (const word of ['x#7', 'a@none', 'main', '', '#0', 'eeeeeeee']) {
    await assert.rejects(findNamed(reader, word), /no run, commit or pull request is called that/, word);
  }
});

test('an approval needs one change', async () => {
  assert.equal((await findHeld(reader, 'd#8')).change.key, 'git|d|pull/8');
  assert.equal((await findHeld(reader, 'ccccccc')).change.key, 'git|b/c|pull/8');
  await assert.rejects(findHeld(reader, '#8'), /means git\|b\/c\|pull\/8 and git\|d\|pull\/8; name one as REPO#PULL/);
  await assert.rejects(findHeld(reader, 'b/c#7'), /nothing by that name waits for approval/);
});

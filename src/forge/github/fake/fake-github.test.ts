import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFakeGitHub } from '../../../../test/support/fake-github.ts';
import { asker } from '../../../../test/support/github-call.ts';
import { needs } from '../../../../test/support/needs.ts';

test(
  'a pull request from a fork is listed with its head, and its commit takes a status',
  needs('git'),
  async (context) => {
    const github = await openFakeGitHub(context);
    const { people } = github;
    people.createUser('ada');
    people.createUser('eve');
    await people.createRepo({ name: 'ada/tool' });
    await people.fork('ada/tool', 'eve');
    const sha = await people.commit('eve/tool', { branch: 'fix', files: { 'a file': '1\n' } });
    const pull = await people.openPull('ada/tool', {
      branch: 'fix',
      from: 'eve/tool',
      title: 'Fix it',
      labels: ['urgent'],
    });
    const ask = asker(github.url, people.createToken('ada'));
    const { body } = await ask('GET /repos/ada/tool/pulls');
    const [listed] = body as { number: number; title: string; head: { sha: string; repo: { full_name: string } } }[];
    assert.deepEqual([listed?.number, listed?.title, listed?.head.sha], [pull.number, 'Fix it', sha]);
    assert.equal(listed?.head.repo.full_name, 'eve/tool');
    const posted = await ask(`POST /repos/ada/tool/statuses/${sha}`, { state: 'pending', context: 'unit' });
    assert.equal(posted.status, 201);
    const combined = await ask(`GET /repos/ada/tool/commits/${sha}/status`);
    const { state, statuses } = combined.body as { state: string; statuses: { context: string }[] };
    assert.deepEqual([state, statuses.map((status) => status.context)], ['pending', ['unit']]);
  },
);

test('nothing that runs in production knows the fake', async () => {
  const src = join(import.meta.dirname, '../../..');
  const entries = await readdir(src, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && /(?<!\.test|\.contract)\.ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    // The command line may start it, for people who develop.
    .filter((path) => !path.startsWith(import.meta.dirname) && !path.startsWith(join(src, 'cli')));
  assert.ok(files.length > 100);
  for (const path of files) assert.doesNotMatch(await readFile(path, 'utf8'), /from '[^']*\/fake\//, path);
});

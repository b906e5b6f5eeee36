import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openGitHubWorld } from '../../../test/support/github-world.ts';
import { openLoneAttempts } from '../../../test/support/lone-attempt.ts';
import { needs } from '../../../test/support/needs.ts';
import { filesWith, formsOfPassword } from '../../../test/support/secret-search.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { silentLogger } from '../../base/logger.ts';
import { loadConfig } from '../../config/load.ts';
import { settingsOf, type Settings } from '../../config/settings.ts';
import { createFetching } from './fetching.ts';

const repo = 'acme/secret';

test(
  'a job of this machine goes on when GitHub does not take the token of its App any more, with no attempt lost',
  needs('git'),
  async (context) => {
    const { hub, app, appKey } = await openGitHubWorld(context, { as: 'app' });
    await hub.people.createRepo({ name: repo, isPrivate: true, files: { a: 'b' } });
    const dir = await tempDir(context);
    writeFileSync(join(dir, 'app.pem'), appKey, { mode: 0o600 });
    const file = join(dir, 'groundcrew.yaml');
    writeFileSync(
      file,
      `stateDir: state
forges: {gh: {kind: github, apiUrl: '${hub.url}', webUrl: '${hub.webUrl}', app: {id: ${String(app.id)}, key: {file: app.pem}}}}
projects: [{name: ${repo}, forge: gh}]
`,
    );
    const place = { env: { HOME: dir, XDG_CACHE_HOME: join(dir, 'cache') }, cwd: dir };
    const settings: Settings = settingsOf(loadConfig({ ...place, option: file }), { ...place, stateDir: null });
    const fetching = createFetching(settings, place, silentLogger);
    context.after(() => fetching.close());
    const lone = await openLoneAttempts(context, fetching.fetchCredentials);
    const fetched = async (text: string): Promise<void> => {
      const sha = await hub.people.commit(repo, { branch: 'main', files: { a: text } });
      const outcome = await lone.run(`${hub.webUrl}/${repo}.git`, { forge: 'gh', repo, sha });
      assert.deepEqual(outcome, { kind: 'passed' });
    };
    const tokens = (): readonly string[] => [...hub.world.tokens.keys()].filter((token) => token.startsWith('ghs_'));
    await fetched('first');
    const [first = '', ...more] = tokens();
    assert.deepEqual(more, []);
    hub.people.revokeToken(first);
    await fetched('second');
    const [second = ''] = tokens();
    assert.notEqual(second, first);
    await fetched('third');
    assert.deepEqual(tokens(), [second], 'which the next attempt uses as well');
    const secrets = [first, second].flatMap((token) => formsOfPassword('x-access-token', token));
    assert.deepEqual(
      [lone.root, dir].flatMap((place) => filesWith(secrets, place)),
      [],
    );
    assert.ok(!lone.said.some((line) => secrets.some((secret) => line.includes(secret))));
  },
);

import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeRepo } from '../../../test/support/git-repo.ts';
import { needs } from '../../../test/support/needs.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { createGit, type Git } from '../../base/git.ts';
import { createGitMirrors } from '../../base/git-mirror.ts';
import { createGitSource } from './git-source.ts';

test(
  'a repository that is moved away while it is read is unreachable, not without branches',
  needs('git'),
  async (t) => {
    const root = await tempDir(t);
    const repo = makeRepo(join(root, 'demo'));
    repo.commit({ 'file.txt': 'hello\n' });
    const real = createGit(process.env);
    const away = `${repo.dir}.away`;
    let isLeaving = false;
    // What git says when the directory goes between its first look and its listing.
    const git: Git = {
      ...real,
      text: async (args, call) => {
        if (!isLeaving || args[0] !== 'for-each-ref') return await real.text(args, call);
        renameSync(repo.dir, away);
        return '';
      },
    };
    const mirrors = createGitMirrors({ git, cacheDir: join(root, 'mirrors'), depth: 1, clock: systemClock });
    const source = createGitSource({ git, remote: repo.dir, mirrors });
    const signal = new AbortController().signal;
    assert.equal((await source.refs(signal)).refs.size, 1);
    isLeaving = true;
    await assert.rejects(source.refs(signal), (error) => isGroundcrewError(error, 'forge/unreachable'));
    renameSync(away, repo.dir);
    await assert.rejects(source.at('refs/heads/main', signal), (error) =>
      isGroundcrewError(error, 'forge/unreachable'),
    );
    isLeaving = false;
    renameSync(away, repo.dir);
    assert.notEqual(await source.at('refs/heads/main', signal), null);
  },
);

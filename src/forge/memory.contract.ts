import assert from 'node:assert/strict';
import { hashOf } from '../base/ids.ts';
import { formatRunPath, formatSkipPath } from '../core/run-link.ts';
import { changeKey } from '../core/subject.ts';
import type { Forge, IssueToKeep, PlaceView } from './forge.ts';
import type { ForgeClause, ForgeWorld, RememberedWorld } from './world.contract.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);

/** A world with a pull request by the stranger, and what to do there. */
interface Stage {
  readonly world: ForgeWorld;
  readonly people: RememberedWorld;
  readonly forge: Forge;
  readonly pull: number;
  readonly sha: string;
  readonly key: string;
  readonly view: (forge?: Forge) => Promise<PlaceView>;
}

const clause = (title: string, run: (stage: Stage) => Promise<void>): ForgeClause => ({
  title,
  of: 'memory',
  run: async (world) => {
    const people = world.remembered ?? assert.fail('this world has no memory');
    const sha = await world.commit({ branch: 'topic', files: { a: '1' } });
    const pull = 21;
    await world.setPull(pull, sha);
    const key = changeKey({ forge: world.forge.name, repo: world.repo, branch: null, pull, baseRef: 'main' });
    const view = async (forge = world.forge): Promise<PlaceView> =>
      (await forge.view(world.repo, key, signal())) ?? assert.fail('no view');
    await run({ world, people, forge: world.forge, pull, sha, key, view });
  },
});

const run = { jobId: hashOf(['job']), generation: 3, changeJobId: hashOf(['change job']), isCanceled: true };
const target = `https://ci.example.org${formatRunPath(run)}`;

/** What every forge must hold that keeps statuses, comments and issues for us (rule R11). */
export const memoryClauses: readonly ForgeClause[] = [
  clause(
    'what a status of ours says is read from its link, over a restart too',
    async ({ world, forge, sha, view }) => {
      const status = { repo: world.repo, sha, context: 'unit/fedora', description: 'Superseded' };
      await forge.setStatus({ ...status, state: 'pending', targetUrl: null }, signal());
      await forge.setStatus({ ...status, state: 'error', targetUrl: target }, signal());
      const skip = `https://ci.example.org${formatSkipPath({ isByPolicy: false })}`;
      await forge.setStatus({ ...status, context: 'docs', state: 'success', targetUrl: skip }, signal());
      for (const from of [forge, world.reopened()]) {
        const { statuses } = await view(from);
        assert.deepEqual(
          [...statuses].sort((a, b) => a.context.localeCompare(b.context)),
          [
            {
              ...{ context: 'docs', state: 'success', description: 'Superseded' },
              ...{ jobId: null, generation: null, changeJobId: null, isCanceled: false, isSkip: true },
            },
            { context: 'unit/fedora', state: 'error', description: 'Superseded', ...run },
          ],
        );
      }
    },
  ),

  clause('what somebody else sets is shown as theirs, whatever it claims', async ({ people, sha, view }) => {
    await people.setStatus(sha, people.stranger, {
      ...{ context: 'unit/fedora', state: 'success', description: 'green, believe me', targetUrl: target },
    });
    const { statuses, foreign } = await view();
    assert.deepEqual(statuses, []);
    assert.deepEqual(
      foreign?.map(({ context, state, creator }) => ({ context, state, creator })),
      [{ context: 'unit/fedora', state: 'success', creator: people.stranger }],
    );
  }),

  clause('an approval is for its commit, and only ours counts', async ({ world, people, forge, pull, sha, view }) => {
    await people.setStatus(sha, people.stranger, {
      ...{ context: people.approvalContext, state: 'success', description: 'Approved by ada' },
    });
    assert.deepEqual((await view()).approvedShas, []);
    await forge.rememberApproval(world.repo, sha, people.maintainer, signal());
    assert.deepEqual((await view()).approvedShas, [sha]);
    assert.deepEqual((await view(world.reopened())).approvedShas, [sha]);
    assert.deepEqual((await view()).statuses, [], 'it is no check');
    await world.setPull(pull, await world.commit({ branch: 'topic', files: { a: '2' } }));
    assert.deepEqual((await view()).approvedShas, []);
  }),

  clause('commands in comments are requests, refused of whoever may not', async ({ people, pull, view }) => {
    const ours = await people.comment(pull, people.maintainer, 'Please\n/test unit/*\n/cancel');
    const theirs = await people.comment(pull, people.stranger, '/ok-to-test\n/cancel');
    await people.comment(pull, people.maintainer, '> /test quoted');
    const { requests } = await view();
    assert.deepEqual(
      requests.map(({ id, kind, by, contexts, isDone, isRefused }) => [id, kind, by, contexts, isDone, isRefused]),
      [
        [ours, 'test', people.maintainer, ['unit/*'], false, undefined],
        [ours, 'cancel', people.maintainer, [], false, undefined],
        [theirs, 'approve', people.stranger, [], false, true],
        // Whoever made a change may always stop it.
        [theirs, 'cancel', people.stranger, [], false, undefined],
      ],
    );
    assert.ok(requests.every(({ askedAt }) => askedAt !== undefined && askedAt > 1_600_000_000_000));
  }),

  clause('words that somebody without rights put into a mouth are refused', async ({ people, pull, view }) => {
    const id = await people.comment(pull, people.maintainer, 'Nice!');
    await people.edit(id, people.stranger, '/ok-to-test');
    assert.deepEqual(
      (await view()).requests.map(({ kind, isRefused }) => [kind, isRefused]),
      [['approve', true]],
    );
  }),

  clause('a request that is done is done for ever', async ({ world, people, forge, pull, view }) => {
    const done = await people.comment(pull, people.maintainer, '/test');
    const refused = await people.comment(pull, people.stranger, '/test');
    const open = await people.comment(pull, people.maintainer, '/retry');
    for (let i = 0; i < 2; i += 1) {
      await forge.markRequestDone(world.repo, done, signal(), 'done');
      await forge.markRequestDone(world.repo, refused, signal(), 'refused');
    }
    for (const from of [forge, world.reopened()]) {
      const { requests } = await view(from);
      assert.deepEqual(
        requests.map(({ id, isDone }) => [id, isDone]),
        [
          [done, true],
          [refused, true],
          [open, false],
        ],
      );
    }
  }),

  clause('a request whose comment is gone, or that came another way, is no trouble', async ({ world, forge }) => {
    for (const id of ['comment/999999999', 'comment/x', 'cli|x', 'status/0123456789ab/c/1', '']) {
      await assert.doesNotReject(forge.markRequestDone(world.repo, id, signal(), 'done'), id);
    }
  }),

  clause('a status that asks for a test does, until ours stands in its place', async (stage) => {
    const { world, people, forge, sha, view } = stage;
    const asked = { context: 'unit/fedora', state: 'pending', description: 'Not yet tested (direct trigger)' } as const;
    await people.setStatus(sha, people.maintainer, asked);
    const [request, ...others] = (await view()).requests;
    assert.deepEqual(others, []);
    assert.deepEqual(
      [request?.kind, request?.contexts, request?.sha, request?.by, request?.isRefused],
      ['test', ['unit/fedora'], sha, people.maintainer, undefined],
    );
    assert.equal((await view()).requests[0]?.id, request?.id);
    const status = { repo: world.repo, sha, context: 'unit/fedora', state: 'pending', description: 'Queued' } as const;
    await forge.setStatus({ ...status, targetUrl: target }, signal());
    assert.deepEqual((await view()).requests, []);
  }),

  clause('a status asks at each place of its commit for itself', async ({ world, people, forge, sha, view }) => {
    const asked = { context: 'unit/fedora', state: 'pending', description: 'Not yet tested (direct trigger)' } as const;
    await people.setStatus(sha, people.maintainer, asked);
    const place = { forge: forge.name, repo: world.repo, branch: 'topic', pull: null, baseRef: 'topic' };
    const branch = await forge.view(world.repo, changeKey(place), signal());
    const [ofPull, ofBranch] = [(await view()).requests[0]?.id, branch?.requests[0]?.id];
    assert.ok(ofPull !== undefined && ofBranch !== undefined);
    assert.notEqual(ofPull, ofBranch, 'a branch that answers must not answer for the pull request');
  }),

  clause('a comment is said once, over a restart too', async ({ world, people, forge, pull }) => {
    const comment = {
      repo: world.repo,
      pull,
      text: 'There is no context x.\n\n/test y',
      marker: 'request comment/1 -- x',
    };
    for (const from of [forge, forge, world.reopened()]) {
      await (from.comment?.(comment, signal()) ?? assert.fail('no comments'));
    }
    await (forge.comment?.({ ...comment, marker: 'other' }, signal()) ?? assert.fail());
    const bodies = await people.comments(pull);
    assert.equal(bodies.length, 2);
    assert.ok(bodies.every((body) => body.startsWith(comment.text)));
  }),

  clause('what we say is no command', async ({ world, forge, pull, view }) => {
    const comment = { repo: world.repo, pull, text: 'Write\n\n/test y', marker: 'help' };
    await (forge.comment?.(comment, signal()) ?? assert.fail('no comments'));
    assert.deepEqual((await view()).requests, []);
  }),

  clause('one issue for one key, updated, closed and opened again', async ({ world, people, forge }) => {
    const keep = (wanted: IssueToKeep): Promise<void> =>
      forge.keepIssue?.(wanted, signal()) ?? assert.fail('no issues');
    const issue = {
      repo: world.repo,
      key: 'main|nightly',
      title: 'nightly fails',
      text: 'one',
      labels: ['ci'],
      isOpen: true,
    };
    await people.openIssue(people.stranger, 'nightly fails', 'not yours');
    const mine = async (): Promise<string[]> =>
      (await people.openIssues()).filter(({ text }) => text !== 'not yours').map(({ text }) => text.slice(0, 3));
    await keep({ ...issue, isOpen: false });
    assert.deepEqual(await mine(), []);
    await Promise.all([keep(issue), keep(issue)]);
    assert.deepEqual(await mine(), ['one']);
    const reopened = world.reopened();
    await (reopened.keepIssue?.({ ...issue, text: 'two' }, signal()) ?? assert.fail());
    assert.deepEqual(await mine(), ['two']);
    await keep({ ...issue, key: 'main|other', text: 'three' });
    assert.deepEqual((await mine()).sort(), ['thr', 'two']);
    await keep({ ...issue, isOpen: false });
    await keep({ ...issue, isOpen: false });
    assert.deepEqual(await mine(), ['thr']);
    await keep(issue);
    assert.deepEqual((await mine()).sort(), ['one', 'thr']);
    assert.equal((await people.openIssues()).length, 3, 'the stranger’s stays');
  }),

  clause(
    'a closed pull request is no place, and its view says so',
    async ({ world, people, forge, pull, key, view }) => {
      await people.comment(pull, people.maintainer, '/test');
      await people.closePull(pull);
      const { change, requests } = await view();
      assert.equal(change.isOpen, false);
      assert.deepEqual(requests, [], 'nobody is waiting there');
      const places = await forge.places(world.repo, signal());
      assert.ok(!places.some((place) => place.changeKey === key));
    },
  ),

  clause(
    'a place that did not move is listed with the version of its view',
    async ({ world, people, forge, pull, key, view }) => {
      const { change } = await view();
      const listed = (await forge.places(world.repo, signal())).find((place) => place.changeKey === key);
      assert.equal(listed?.headSha, change.headSha);
      // A stranger’s may come without: whether they are trusted by now is worth a look.
      assert.ok(listed.version === undefined || listed.version === change.version);
      await people.retitle(pull, 'Evil \u001b[31m\u202e title\nwith a second line');
      const next = (await view()).change;
      assert.ok(next.version >= change.version);
      assert.doesNotMatch(next.title, /[\p{Cc}\p{Cf}]/u);
    },
  ),

  clause('many places at once are what they are one by one', async ({ world, forge, key, view }) => {
    const gone = `${world.forge.name}|${world.repo}|branch/gone`;
    const main = `${world.forge.name}|${world.repo}|branch/main`;
    const seen = new Map<string, PlaceView | null>();
    for await (const one of forge.views?.(world.repo, [key, gone, main], signal()) ?? assert.fail('no views'))
      seen.set(one.changeKey, one.view);
    assert.deepEqual([...seen.keys()].sort(), [gone, main, key].sort());
    assert.equal(seen.get(gone), null);
    assert.deepEqual(seen.get(key), await view());
    const alone = await forge.view(world.repo, main, signal());
    assert.equal(seen.get(main)?.change.headSha, alone?.change.headSha);
  }),
];

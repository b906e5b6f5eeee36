import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { openGitHubWorld } from '../../test/support/github-world.ts';
import { needs } from '../../test/support/needs.ts';
import type { Forge, PlaceView } from './forge.ts';
import { memoryClauses } from './memory.contract.ts';
import type { ForgeWorld } from './world.contract.ts';

type Break = (good: Forge, world: ForgeWorld) => Partial<Forge>;

/** A status of somebody else believed, an approval too. */
const believing =
  (change: (view: PlaceView) => PlaceView): Break =>
  (good) => ({
    view: async (repo, key, signal) => {
      const view = await good.view(repo, key, signal);
      return view === null ? null : change(view);
    },
  });

const memoryMutants: readonly { readonly clause: string; readonly what: string; readonly change: Break }[] = [
  {
    clause: 'what a status of ours says',
    what: 'the link of a status lost',
    change: (good) => ({ setStatus: (status, signal) => good.setStatus({ ...status, targetUrl: null }, signal) }),
  },
  {
    clause: 'what somebody else sets',
    what: 'everybody’s statuses taken for ours',
    change: believing((view) => ({
      ...view,
      statuses: (view.foreign ?? []).map(({ context, state }) => ({
        ...{ context, state, description: '', jobId: null, generation: null, changeJobId: null, isCanceled: false },
      })),
    })),
  },
  {
    clause: 'an approval is for its commit',
    what: 'an approval believed whoever set it',
    change: believing((view) => ({
      ...view,
      approvedShas: (view.foreign ?? []).some(({ context }) => context === 'groundcrew/approval')
        ? [view.change.headSha]
        : view.approvedShas,
    })),
  },
  {
    clause: 'an approval is for its commit',
    what: 'an approval that is not kept',
    change: () => ({ rememberApproval: () => Promise.resolve() }),
  },
  {
    clause: 'commands in comments',
    what: 'nobody refused',
    change: believing((view) => ({
      ...view,
      requests: view.requests.map(({ isRefused: _isRefused, ...request }) => request),
    })),
  },
  {
    clause: 'words that somebody without rights',
    what: 'edits by others believed',
    change: believing((view) => ({
      ...view,
      requests: view.requests.map(({ isRefused: _isRefused, ...request }) => request),
    })),
  },
  {
    clause: 'a request that is done',
    what: 'nothing marked',
    change: () => ({ markRequestDone: () => Promise.resolve() }),
  },
  {
    clause: 'a request whose comment is gone',
    what: 'a comment that is gone is trouble',
    change: () => ({ markRequestDone: () => Promise.reject(new Error('not found')) }),
  },
  {
    clause: 'a status that asks for a test',
    what: 'triggers not seen',
    change: believing((view) => ({ ...view, requests: [] })),
  },
  {
    clause: 'a status that asks for a test',
    what: 'a new id at each look',
    change: (good) => {
      let nth = 0;
      return believing((view) => ({
        ...view,
        requests: view.requests.map((request) => ({ ...request, id: `${request.id}${String((nth += 1))}` })),
      }))(good, {} as ForgeWorld);
    },
  },
  {
    clause: 'a status asks at each place',
    what: 'an id that all places share',
    change: believing((view) => ({
      ...view,
      requests: view.requests.map((request) => ({ ...request, id: request.id.replace(/\/(?:pull|branch)\/.*$/, '') })),
    })),
  },
  {
    clause: 'a comment is said once',
    what: 'a marker that is new each time',
    change: (good) => {
      let nth = 0;
      return {
        comment: (comment, signal) =>
          good.comment?.({ ...comment, marker: `${comment.marker}${String((nth += 1))}` }, signal) ?? Promise.resolve(),
      };
    },
  },
  {
    clause: 'what we say is no command',
    what: 'our own help obeyed',
    change: believing((view) => ({
      ...view,
      requests: [{ id: 'comment/1', kind: 'test', by: 'us', sha: null, contexts: ['y'], jobId: null, isDone: false }],
    })),
  },
  {
    clause: 'one issue for one key',
    what: 'a new issue at each update',
    change: (good) => {
      let nth = 0;
      return {
        keepIssue: (issue, signal) =>
          good.keepIssue?.({ ...issue, key: `${issue.key}${String((nth += 1))}` }, signal) ?? Promise.resolve(),
      };
    },
  },
  {
    clause: 'one issue for one key',
    what: 'issues that stay open',
    change: (good) => ({
      keepIssue: (issue, signal) =>
        issue.isOpen ? (good.keepIssue?.(issue, signal) ?? Promise.resolve()) : Promise.resolve(),
    }),
  },
  {
    clause: 'a closed pull request',
    what: 'everything open for ever',
    change: believing((view) => ({ ...view, change: { ...view.change, isOpen: true } })),
  },
  {
    clause: 'a place that did not move',
    what: 'a list that tells another version',
    change: (good) => ({
      places: async (repo, signal) =>
        (await good.places(repo, signal)).map((place) => ({ ...place, version: (place.version ?? 0) + 1 })),
    }),
  },
  {
    clause: 'a place that did not move',
    what: 'titles as strangers wrote them',
    change: believing((view) => ({ ...view, change: { ...view.change, title: 'evil\u001b[31m' } })),
  },
  {
    clause: 'many places at once',
    what: 'places left out',
    change: (good) => ({
      async *views(repo, keys, signal) {
        for await (const one of good.views?.(repo, keys, signal) ?? []) if (one.view !== null) yield one;
      },
    }),
  },
];

suite('a broken forge fails what it should remember', needs('git'), () => {
  for (const { clause, what, change } of memoryMutants) {
    test(`${clause} …: ${what}`, async (context) => {
      const { run } = memoryClauses.find(({ title }) => title.startsWith(clause)) ?? assert.fail(clause);
      const world = await openGitHubWorld(context);
      await assert.rejects(run(brokenWorld(world, change), context), assert.AssertionError);
    });
  }

  test('every clause has something that fails it', () => {
    const without = memoryClauses.filter(({ title }) => !memoryMutants.some(({ clause }) => title.startsWith(clause)));
    assert.deepEqual(without, []);
  });
});

function brokenWorld(world: ForgeWorld, change: Break): ForgeWorld {
  const breaking = (good: Forge): Forge => ({ ...good, ...change(good, world) });
  return { ...world, forge: breaking(world.forge), reopened: () => breaking(world.reopened()) };
}

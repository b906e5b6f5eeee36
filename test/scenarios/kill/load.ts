import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { House } from './house.ts';
import { jobKinds, type JobKind, type Project } from './project.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What the world was promised while it was watching, to be held against the ledger in the end. */
export interface Promises {
  /** Requests that were answered 202. */
  readonly deliveries: Set<string>;
  /** Runs that were shown. */
  readonly jobs: Set<string>;
  /** Verdicts that were shown, by run: they may never change. */
  readonly verdicts: Map<string, string>;
  /** What was asked for and done, counted. */
  readonly counts: Record<string, number>;
}

const branches = ['main', 'topic/a', 'topic/b', 'topic/c'] as const;
const runsPage = z.object({
  runs: z.array(
    z.object({
      jobId: z.string(),
      sha: z.string(),
      state: z.enum(['waiting', 'offered', 'running', 'ended']),
      outcome: z.object({ kind: z.string(), reason: z.string().optional() }).nullable(),
    }),
  ),
});
const heldList = z.array(z.object({ change: z.object({ key: z.string(), headSha: z.string() }), kind: z.string() }));
const accepted = z.object({ deliveryId: z.string() });

/** A run, as far as the load looks at it. */
export type RunSeen = z.infer<typeof runsPage>['runs'][number];

/** The people around the project: they push, ask and look. */
export interface Load {
  readonly promises: Promises;
  /** Until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Runs that are shown now; null while no server answers. */
  runs(): Promise<readonly RunSeen[] | null>;
  /** Approves every commit that waits for it; how many there were, null while no server answers. */
  approveAll(): Promise<number | null>;
  /** Asks; true when it was accepted. */
  request(body: object): Promise<boolean>;
}

export function createLoad(house: House, project: Project, random: SeededRandom): Load {
  const heads = new Map<string, string>();
  const before = new Map<string, string>();
  const promises: Promises = { deliveries: new Set(), jobs: new Set(), verdicts: new Map(), counts: {} };
  const count = (what: string): void => {
    promises.counts[what] = (promises.counts[what] ?? 0) + 1;
  };

  const push = async (ref: string, sha: string | null): Promise<void> => {
    const was = heads.get(ref);
    await project.push(ref, sha);
    if (was !== undefined) before.set(ref, was);
    if (sha === null) heads.delete(ref);
    else heads.set(ref, sha);
  };
  const pushNew = async (ref: string): Promise<void> => {
    const kind = random.weighted<JobKind>({ pass: 4, fail: 3, slow: 5, fork: 3, loud: 2 });
    if (ref.startsWith('refs/pull/')) await push(ref, await project.commitForPull(kind));
    else await push(ref, await project.commit(kind, heads.get(ref) ?? heads.get('refs/heads/main') ?? null));
  };

  const request = async (body: object): Promise<boolean> => {
    const answer = await house.ask('/api/requests', body);
    if (answer?.status !== 202) return false;
    promises.deliveries.add(accepted.parse(answer.body).deliveryId);
    return true;
  };

  const runs = async (): Promise<readonly RunSeen[] | null> => {
    const answer = await house.ask('/api/runs?limit=500');
    if (answer?.status !== 200) return null;
    const page = runsPage.parse(answer.body).runs;
    for (const run of page) {
      promises.jobs.add(run.jobId);
      const kind = run.outcome?.kind;
      if (kind === 'passed' || kind === 'failed')
        promises.verdicts.set(run.jobId, promises.verdicts.get(run.jobId) ?? kind);
    }
    return page;
  };

  const waitingForApproval = async (): Promise<z.infer<typeof heldList> | null> => {
    const answer = await house.ask('/api/held');
    return answer?.status === 200 ? heldList.parse(answer.body).filter(({ kind }) => kind === 'needs-approval') : null;
  };
  const approve = ({ change }: z.infer<typeof heldList>[number]): Promise<boolean> =>
    request({ kind: 'approve', changeKey: change.key, sha: change.headSha, by: 'maintainer' });

  const step = async (): Promise<void> => {
    const what = random.weighted({ commit: 8, back: 3, pull: 2, approve: 3, retry: 2, cancel: 2, delete: 1 });
    const seen = await runs();
    const backlog = (seen ?? []).filter(({ state }) => state !== 'ended').length;
    // What is lost shows with little work as well, and a long queue only makes the end wait.
    const isFull = backlog > 8;
    switch (what) {
      case 'commit':
        if (isFull) return;
        await pushNew(`refs/heads/${random.pick(branches) ?? 'main'}`);
        break;
      case 'back': {
        const ref = random.pick([...before.keys()]);
        const sha = ref === undefined ? undefined : before.get(ref);
        if (ref === undefined || sha === undefined || isFull) return;
        await push(ref, sha);
        break;
      }
      case 'pull':
        if (isFull) return;
        await pushNew(`refs/pull/${String(1 + random.below(3))}/head`);
        break;
      case 'approve': {
        const held = random.pick((await waitingForApproval()) ?? []);
        if (held === undefined || !(await approve(held))) return;
        break;
      }
      case 'retry': {
        const run = random.pick(
          (seen ?? []).filter(({ state, sha }) => state === 'ended' && [...heads.values()].includes(sha)),
        );
        if (run === undefined || isFull || !(await request({ kind: 'retry', jobId: run.jobId, by: 'somebody' })))
          return;
        break;
      }
      case 'cancel': {
        const run = random.pick((seen ?? []).filter(({ state }) => state !== 'ended'));
        if (run === undefined || !(await request({ kind: 'cancel', jobId: run.jobId, by: 'somebody' }))) return;
        break;
      }
      case 'delete': {
        const ref = random.pick([...heads.keys()].filter((name) => name.startsWith('refs/heads/topic/')));
        if (ref === undefined) return;
        await push(ref, null);
        break;
      }
      default:
        what satisfies never;
    }
    count(what);
  };

  return {
    promises,
    runs,
    request,
    async approveAll() {
      const held = await waitingForApproval();
      if (held === null) return null;
      for (const one of held) await approve(one);
      return held.length;
    },
    async run(signal) {
      for (const [ref, sha] of await project.refs()) heads.set(ref, sha);
      while (!signal.aborted) {
        await step();
        await pause(100 + random.below(400), undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** The state that a commit's verdict must have. */
export function stateOf(project: Project, sha: string): 'success' | 'failure' {
  return jobKinds[project.kindOf(sha)].state;
}

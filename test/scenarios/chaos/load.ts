import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from '../kill/seeded-random.ts';
import type { House, Place } from './house.ts';
import { contexts, kindsFile, kindsText, type Context, type JobKind } from './job.ts';
import type { LedgerView } from './ledger-view.ts';

/** A commit that people pushed, and what each of its jobs does. */
export interface Pushed {
  readonly repo: string;
  readonly sha: string;
  readonly kinds: Readonly<Record<Context, JobKind>>;
}

/** The people around the projects: they push to main and to pull requests, force them back, close and reopen them. */
export interface Load {
  /** All commits by id. */
  readonly commits: ReadonlyMap<string, Pushed>;
  /** What was done, counted. */
  readonly counts: Readonly<Record<string, number>>;
  /** Commits that are heads of something open now: those must be judged. */
  heads(): readonly Pushed[];
  /** Does things, spread over the time, until the ledger has so many jobs. */
  run(options: { readonly jobs: number; readonly lengthMs: number }): Promise<void>;
}

interface Branch {
  readonly place: Place;
  readonly name: string;
  /** Null: the main branch. */
  readonly pull: number | null;
  sha: string;
  before: string | null;
  isOpen: boolean;
}

// What is lost shows with little work as well, and a long queue only makes the end wait.
const mostOpen = 60;
const mostPulls = 12;

export function createLoad(house: House, view: LedgerView, random: SeededRandom): Load {
  const { github } = house;
  const commits = new Map<string, Pushed>();
  const counts: Record<string, number> = {};
  const branches: Branch[] = house.places.map((place) => {
    commits.set(place.firstSha, { repo: place.repo, sha: place.firstSha, kinds: { one: 'pass', two: 'pass' } });
    return { place, name: 'main', pull: null, sha: place.firstSha, before: null, isOpen: true };
  });
  let serial = 0;

  const newKind = (): JobKind => random.weighted<JobKind>({ pass: 8, fail: 5, odd: 2, slow: 8, long: 4, loud: 3 });

  const push = async (place: Place, name: string, isPull: boolean): Promise<string> => {
    serial += 1;
    const kinds = { one: newKind(), two: newKind() };
    const sha = await github('push', {
      repo: place.repo,
      branch: name,
      files: {
        [isPull ? kindsFile.pull : kindsFile.main]: kindsText(kinds),
        [isPull ? 'pull-serial' : 'serial']: `${String(serial)}\n`,
      },
    });
    commits.set(sha, { repo: place.repo, sha, kinds });
    return sha;
  };

  const step = async (): Promise<void> => {
    const place = random.pick(house.places);
    if (place === undefined) return;
    const here = branches.filter((one) => one.place === place);
    const pulls = here.filter(({ pull, isOpen }) => pull !== null && isOpen);
    const isRoom = pulls.length < mostPulls;
    const what = random.weighted({
      open: isRoom ? 8 : 0,
      push: 4,
      main: 2,
      back: 1,
      close: isRoom ? 0.5 : 4,
      reopen: 0.5,
    });
    const pull = random.pick(pulls);
    switch (what) {
      case 'open': {
        const name = `topic-${String((serial += 1))}`;
        const sha = await push(place, name, true);
        const number = await github('openPull', { repo: place.repo, branch: name });
        branches.push({ place, name, pull: number, sha, before: null, isOpen: true });
        break;
      }
      case 'push':
        if (pull === undefined) return;
        pull.before = pull.sha;
        pull.sha = await push(place, pull.name, true);
        break;
      case 'main': {
        const main = here.find((one) => one.pull === null);
        if (main === undefined) return;
        main.before = main.sha;
        main.sha = await push(place, 'main', false);
        break;
      }
      case 'back': {
        if (pull === undefined || pull.before === null) return;
        await github('pushBack', { repo: place.repo, branch: pull.name, sha: pull.before });
        [pull.sha, pull.before] = [pull.before, pull.sha];
        break;
      }
      case 'close':
        if (pull === undefined || pull.pull === null) return;
        await github('setPull', { repo: place.repo, number: pull.pull, state: 'closed' });
        pull.isOpen = false;
        break;
      case 'reopen': {
        const closed = random.pick(here.filter(({ isOpen }) => !isOpen));
        if (closed === undefined || closed.pull === null || !isRoom) return;
        await github('setPull', { repo: place.repo, number: closed.pull, state: 'open' });
        closed.isOpen = true;
        break;
      }
      default:
        what satisfies never;
    }
    counts[what] = (counts[what] ?? 0) + 1;
  };

  return {
    commits,
    counts,
    heads: () => branches.filter(({ isOpen }) => isOpen).flatMap(({ sha }) => commits.get(sha) ?? []),
    async run({ jobs, lengthMs }) {
      const beganAt = performance.now();
      for (;;) {
        const { jobs: made, jobsOpen } = view.backlog();
        // Nobody makes jobs for a house that does not come to its senses; what became of it is for the checker.
        if (made >= jobs || performance.now() - beganAt > 2 * lengthMs + 120_000) return;
        // Behind its time it hurries, but never floods.
        const due = Math.min(1, (performance.now() - beganAt) / lengthMs) * jobs;
        if (made < due && jobsOpen < mostOpen) await step();
        await pause(jobsOpen < mostOpen ? random.below(2 * (lengthMs / jobs)) : 250);
      }
    },
  };
}

/** Contexts of a commit that the ledger has no verdict of. */
export function unjudged(view: LedgerView, { sha }: Pushed): readonly Context[] {
  return contexts.filter((context) => !view.isJudged(sha, context));
}

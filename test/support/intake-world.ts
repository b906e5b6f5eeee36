import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openDatabase } from '../../src/base/sqlite.ts';
import type { Change } from '../../src/core/change.ts';
import type { Plan } from '../../src/core/snapshot.ts';
import type { Forge, PlaceView } from '../../src/forge/forge.ts';
import { createIntake, type Intake } from '../../src/intake/intake.ts';
import type { Ledger, Stop } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/open-ledger.ts';
import { check } from './decide-world.ts';
import { createHandClock, type HandClock } from './hand-clock.ts';
import { anOrder } from './ledger-world.ts';
import type { CleansUp } from './temp-dir.ts';

/** A forge whose answers a test sets; what it is not told, it never has. */
export interface SpokenForge extends Forge {
  /** What `view` gives for a place; a function may throw. */
  readonly shows: Map<string, PlaceView | (() => PlaceView | null)>;
  /** The places that were looked at, in order. */
  readonly looks: string[];
}

/** Intake over a real ledger in memory. */
export interface IntakeWorld {
  readonly ledger: Ledger;
  readonly forge: SpokenForge;
  readonly intake: Intake;
  readonly clock: HandClock;
  readonly stops: Stop[];
  plan: Plan;
  deliver(id: string, change: Change, sha?: string | null): Promise<void>;
  /** Handles what is there, moving the clock on, until `isDone`. */
  work(isDone: () => Promise<boolean>): Promise<void>;
}

/** Shows this change and nothing more about it. */
export function viewOf(change: Change): PlaceView {
  return { change, statuses: [], requests: [], approvedShas: [] };
}

/** A forge named `git` with the repository `demo`. */
export function spokenForge(given: Partial<Forge> = {}): SpokenForge {
  const shows: SpokenForge['shows'] = new Map();
  const looks: string[] = [];
  const nothing = async (): Promise<void> => undefined;
  return {
    name: 'git',
    remembersStatuses: false,
    shows,
    looks,
    repos: () => ['demo'],
    places: async () => [...shows].map(([changeKey]) => ({ changeKey, headSha: '0'.repeat(40) })),
    async view(_repo, changeKey) {
      looks.push(changeKey);
      const shown = shows.get(changeKey) ?? null;
      return typeof shown === 'function' ? shown() : shown;
    },
    fileAt: async () => null,
    headOf: async () => null,
    changedFiles: () => Promise.resolve(null),
    cloneUrl: (repo) => `/srv/${repo}`,
    setStatus: nothing,
    rememberApproval: nothing,
    markRequestDone: nothing,
    watch: nothing,
    ...given,
  };
}

/** A world with one check, `test`; `given` for its forge. */
export function openIntakeWorld(context: CleansUp, given: Partial<Forge> = {}): IntakeWorld {
  const database = openDatabase({ path: ':memory:' });
  context.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const forge = spokenForge(given);
  const clock = createHandClock();
  const stops: Stop[] = [];
  const intake = createIntake({
    ledger,
    forges: new Map([['git', forge]]),
    plan: async () => world.plan,
    clock,
    random: systemRandom,
    logger: silentLogger,
    onDecided: async (more) => {
      stops.push(...more);
    },
  });
  const world: IntakeWorld = {
    ledger,
    forge,
    intake,
    clock,
    stops,
    plan: { kind: 'checks', checks: [check(anOrder())] },
    async deliver(id, change, sha = change.headSha) {
      const { forge: name, repo, key: changeKey } = change;
      const event = { kind: 'change', forge: name, repo, changeKey, sha } as const;
      await ledger.recordDelivery({ id, event, receivedAt: clock.now(), traceId: `trace of ${id}` });
    },
    async work(isDone) {
      const life = new AbortController();
      const running = intake.run(life.signal);
      try {
        for (let round = 0; !(await isDone()); round += 1) {
          if (round > 2_000) throw new Error('it is never done');
          // Lets promises settle; then whatever waits for the clock goes on.
          await new Promise((resolve) => setImmediate(resolve));
          if (round % 20 === 19) clock.pass(5_000);
        }
      } finally {
        life.abort();
        intake.wake();
        await running;
      }
    },
  };
  return world;
}

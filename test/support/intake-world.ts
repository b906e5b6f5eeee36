import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openDatabase } from '../../src/base/sqlite.ts';
import type { Change } from '../../src/core/change.ts';
import type { ForgeEvent } from '../../src/core/forge-event.ts';
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
  /** The places that were looked at, in order; `bulk` of them by `views`. */
  readonly looks: string[];
  readonly bulk: string[];
}

/** What a spoken forge can do beside the least. */
export interface ForgeSkills extends Partial<Forge> {
  /** Its listing tells head and version of each place. */
  readonly tellsVersions?: boolean;
  /** It has `views`. */
  readonly hasViews?: boolean;
}

/** Intake over a real ledger in memory. */
export interface IntakeWorld {
  readonly ledger: Ledger;
  readonly forge: SpokenForge;
  readonly intake: Intake;
  /** Another life over the same ledger and forge, or over what stands in front of them. */
  open(over?: Ledger, at?: Forge): Intake;
  readonly clock: HandClock;
  readonly stops: Stop[];
  plan: Plan;
  deliver(id: string, change: Change, sha?: string | null): Promise<void>;
  /** Stores any event. */
  tell(id: string, event: ForgeEvent): Promise<void>;
  /** Handles what is there, moving the clock on, until `isDone`; by this life, or another. */
  work(isDone: () => Promise<boolean>, life?: Intake): Promise<void>;
}

/** Shows this change and nothing more about it. */
export function viewOf(change: Change): PlaceView {
  return { change, statuses: [], requests: [], approvedShas: [] };
}

/** A forge named `git` with the repository `demo`, unless told otherwise. */
export function spokenForge({ tellsVersions = false, hasViews = false, ...given }: ForgeSkills = {}): SpokenForge {
  const shows: SpokenForge['shows'] = new Map();
  const looks: string[] = [];
  const bulk: string[] = [];
  const nothing = async (): Promise<void> => undefined;
  const isOf = (repo: string, changeKey: string): boolean => changeKey.split('|')[1] === repo;
  const show = (changeKey: string): PlaceView | null => {
    looks.push(changeKey);
    const shown = shows.get(changeKey) ?? null;
    return typeof shown === 'function' ? shown() : shown;
  };
  const forge: SpokenForge = {
    name: 'git',
    remembersStatuses: false,
    shows,
    looks,
    bulk,
    repos: () => ['demo'],
    places: async (repo) =>
      [...shows].flatMap(([changeKey, shown]) => {
        if (!isOf(repo, changeKey)) return [];
        if (!tellsVersions || typeof shown === 'function') return [{ changeKey, headSha: '0'.repeat(40) }];
        const { headSha, version, isOpen } = shown.change;
        return isOpen ? [{ changeKey, headSha, version }] : [];
      }),
    view: async (_repo, changeKey) => show(changeKey),
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
  if (!hasViews || given.views !== undefined) return forge;
  return {
    ...forge,
    async *views(_repo, changeKeys) {
      for (const changeKey of changeKeys) {
        await Promise.resolve();
        bulk.push(changeKey);
        yield { changeKey, view: show(changeKey) };
      }
    },
  };
}

/** A world with one check, `test`; `given` for its forge. */
export function openIntakeWorld(context: CleansUp, given: ForgeSkills = {}): IntakeWorld {
  const database = openDatabase({ path: ':memory:' });
  context.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const forge = spokenForge(given);
  const clock = createHandClock();
  const stops: Stop[] = [];
  const open = (over: Ledger = ledger, at: Forge = forge): Intake =>
    createIntake({
      ledger: over,
      forges: new Map([[at.name, at]]),
      plan: async () => world.plan,
      clock,
      random: systemRandom,
      logger: silentLogger,
      onDecided: async (more) => {
        stops.push(...more);
      },
    });
  const intake = open();
  const world: IntakeWorld = {
    ledger,
    forge,
    intake,
    open,
    clock,
    stops,
    plan: { kind: 'checks', checks: [check(anOrder())] },
    async deliver(id, change, sha = change.headSha) {
      const { forge: name, repo, key: changeKey } = change;
      await world.tell(id, { kind: 'change', forge: name, repo, changeKey, sha });
    },
    async tell(id, event) {
      await ledger.recordDelivery({ id, event, receivedAt: clock.now(), traceId: `trace of ${id}` });
    },
    async work(isDone, of = intake) {
      const life = new AbortController();
      const running = of.run(life.signal);
      try {
        for (let round = 0; !(await isDone()); round += 1) {
          if (round > 2_000) throw new Error('it is never done');
          // Lets promises settle; then whatever waits for the clock goes on.
          await new Promise((resolve) => setImmediate(resolve));
          if (round % 20 === 19) clock.pass(5_000);
        }
      } finally {
        life.abort();
        await running;
      }
    },
  };
  return world;
}

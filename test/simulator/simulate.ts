import type { ScheduleSlot } from '../../src/core/forge-event.ts';
import type { PlannedCheck } from '../../src/core/snapshot.ts';
import { collectorQueue, isJobQueue } from '../../src/core/queue-plan.ts';
import { BrokerModel } from './broker-model.ts';
import { watchHouse } from './checks.ts';
import { hostileForMs, type House, type PolicyModel } from './house.ts';
import { ForgeModel } from './forge-model.ts';
import { HostModel, StoreModel } from './host-model.ts';
import { plannedCheck, ServerModel } from './model-processes.ts';
import { WorkerModel } from './worker-model.ts';
import { letPeopleChangeTheirMind, letPeopleWork } from './people.ts';
import { World } from './world.ts';

/** What one seed came to. */
export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
  readonly timeline: readonly string[];
  /** How often each fault really hit. */
  readonly faults: Readonly<Record<string, number>>;
}

const longestMs = 6 * 60 * 60_000;

/** The clocks of simulated processes begin at 22:13:20; this comes once, after 100 s. */
const nightlySchedule = {
  name: 'nightly',
  cron: '15 22 14 11 *',
  timezone: 'UTC',
  branch: 'main',
  contexts: ['**'],
  reportsIssue: false,
} as const;
const slotAfterMs = 100_000;
const nightly: ScheduleSlot = { name: 'nightly', at: Date.UTC(2023, 10, 14, 22, 15), contexts: ['**'] };

/** As the policy holds back the checks of a pull request that says so. */
function heldBack(check: PlannedCheck): PlannedCheck {
  return { ...check, isManual: true, isHeld: true, whyManual: 'the label no-test holds it back' };
}

/** Runs one seed to the end: people work, the adversary strikes, everything heals, and every promise must have been kept. */
export async function simulate(seed: number, options: { readonly isTraced: boolean }): Promise<SeedResult> {
  const world = new World(seed, options.isTraced);
  const { dice } = world;
  const broker = new BrokerModel(world);
  const forge = new ForgeModel(world);
  const store = new StoreModel();
  const checks: PlannedCheck[] = [plannedCheck('fedora/basic')];
  if (dice.chance(0.6)) checks.push(plannedCheck('debian', { needs: ['kvm'], priority: dice.integer(0, 2) }));
  if (dice.chance(0.2)) checks.push(plannedCheck('release', { exclusive: true }));
  const policy: PolicyModel = { removed: new Set(), everRemoved: new Set() };
  const isTraced = options.isTraced;
  const slot = dice.chance(0.3) ? nightly : null;
  const isGranting = dice.chance(0.3);
  const server = new ServerModel({
    world,
    broker,
    forge,
    store,
    plan: (change) => ({
      kind: 'checks',
      checks: checks
        .filter(({ context }) => !policy.removed.has(context))
        .map((check) => (change.labels.includes('no-test') ? heldBack(check) : check)),
    }),
    isGranting,
    schedules: slot === null ? [] : [{ forge: forge.name, repo: forge.repo, schedule: nightlySchedule }],
    isTraced,
  });
  const workers = Array.from({ length: dice.integer(1, 3) }, (_, i) => {
    const host = new HostModel(world, store, `worker${String(i + 1)}`);
    return new WorkerModel({
      world,
      broker,
      host,
      slots: dice.integer(1, 2),
      capabilities: i === 0 || dice.chance(0.5) ? ['kvm'] : [],
      isTraced,
    });
  });
  // Now and then one check is such that no worker can even keep the order.
  const poisonous = checks.length > 1 && dice.chance(0.03) ? (checks.at(-1)?.context ?? null) : null;
  for (const worker of workers) worker.host.poisonousContext = poisonous;
  // And seldom a job neither ends nor is ended by its worker.
  const endless = dice.chance(0.008) ? dice.pick(workers) : null;
  if (endless !== null)
    world.at(dice.between(0, 60_000), () => {
      endless.host.isNextEndless = true;
    });
  const house: House = {
    world,
    broker,
    forge,
    store,
    server,
    workers,
    contexts: checks.map((check) => check.context),
    policy,
    slot,
    poisonous,
  };
  const faults: Record<string, number> = {};
  const count = (fault: string): void => {
    faults[fault] = (faults[fault] ?? 0) + 1;
  };

  forge.onEvent = (event) => {
    if (dice.chance(forge.isHostile ? 0.1 : 0)) {
      count('webhook lost');
      return;
    }
    const send = (): void => {
      server.deliver(event);
    };
    world.at(dice.between(10, forge.isHostile ? 3_000 : 200), send);
    if (forge.isHostile && dice.chance(0.1)) {
      count('webhook repeated');
      world.at(dice.between(10, 5_000), send);
    }
  };
  const watch = watchHouse(house);

  server.start();
  for (const worker of workers)
    world.at(dice.between(0, 1_000), () => {
      worker.start();
    });
  letPeopleWork(house);
  letPeopleChangeTheirMind(house, count);
  letAdversaryStrike(house, store, count);

  world.at(hostileForMs, () => {
    heal(house, store);
  });
  let quietSince: number | null = null;
  while (await world.step(longestMs)) {
    if (world.now < hostileForMs + 1_000 || world.events % 64 !== 0) continue;
    if (!isQuiet(house)) quietSince = null;
    else quietSince ??= world.now;
    if (quietSince !== null && world.now - quietSince > 65_000) break;
  }
  watch.finish();
  for (const fault of watch.late()) count(fault);
  for (const worker of workers) worker.life?.kill();
  await server.end();
  if (broker.refusals > 0) count('order refused');
  if (broker.remade > 0) count('deaf queue removed');
  return {
    seed,
    violations: watch.violations,
    events: world.events,
    virtualMs: world.now,
    timeline: world.timeline(),
    faults,
  };
}

function letAdversaryStrike(house: House, store: StoreModel, count: (fault: string) => void): void {
  const { world, broker, forge, server, workers } = house;
  const { dice } = world;
  const strikes = dice.integer(0, 6);
  for (let i = 0; i < strikes; i += 1) {
    world.at(dice.between(1_000, hostileForMs - 20_000), () => {
      const what = dice.fraction();
      const worker = dice.pick(workers);
      if (what < 0.22) {
        count('server killed');
        killAt(
          house,
          server,
          () => {
            server.start();
          },
          dice.between(500, dice.chance(0.2) ? 100_000 : 15_000),
        );
      } else if (what < 0.42) {
        count('worker killed');
        killAt(
          house,
          worker,
          () => {
            worker.start();
          },
          dice.between(500, dice.chance(0.3) ? 120_000 : 10_000),
        );
      } else if (what < 0.5) {
        count('machine lost');
        worker.life?.kill();
        worker.host.lose();
        // Some machines never come back; one that can do everything stays.
        if (worker !== workers[0] && dice.chance(0.4)) worker.isGone = true;
        world.at(dice.between(2_000, 90_000), () => {
          worker.start();
        });
      } else if (what < 0.515) {
        const how = dice.pick(['cut off', 'paused', 'frozen'] as const);
        const forMs = dice.chance(0.6) ? dice.between(65_000, 300_000) : dice.between(300_000, 4_500_000);
        const busy = workers.find(({ host }) => host.running().length > 0) ?? worker;
        if (busy.silence(how, forMs)) count(`worker ${how} long`);
      } else if (what < 0.62) {
        count('worker cut off');
        worker.connection?.cut(dice.between(200, dice.chance(0.3) ? 150_000 : 20_000));
      } else if (what < 0.68) {
        count('server cut off');
        // Also longer than silence lasts (R3): those whom we do not hear then are well.
        server.connection?.cut(dice.chance(0.4) ? dice.between(65_000, 120_000) : dice.between(200, 10_000));
      } else if (what < 0.74) {
        count('broker restarted');
        broker.restart(dice.between(500, 30_000));
        const names = broker.queueNames().filter(isJobQueue);
        if (names.length > 0 && dice.chance(0.35)) {
          count('queue deaf');
          broker.deafen(dice.pick(names));
        }
      } else if (what < 0.8) {
        const names = broker.queueNames().filter(isJobQueue);
        if (names.length > 0) {
          count('queue purged');
          broker.purgeNow(dice.pick(names));
        }
      } else if (what < 0.86) {
        count('forge away');
        forge.isAway = true;
        world.at(dice.between(1_000, 60_000), () => {
          forge.isAway = false;
        });
      } else if (what < 0.88) {
        count('store away');
        store.isAway = true;
        world.at(dice.between(1_000, 60_000), () => {
          store.isAway = false;
        });
      } else if (what < 0.94) {
        count('ledger lost');
        loseLedger(house);
      } else if (what < 0.955) {
        count('clock stepped');
        server.stepClock(dice.between(-1, 1) * (dice.chance(0.5) ? 600_000 : 86_400_000));
      } else if (what < 0.98) {
        count('forged message');
        forgeMessage(house);
      } else {
        count('worker asked to leave');
        worker.leave(dice.chance(0.5) ? 'now' : 'when-done');
        world.at(dice.between(10_000, 60_000), () => {
          worker.start();
        });
      }
    });
  }
}

/** The next ledger is empty; a slot of before may be delivered again. */
function loseLedger({ world, server, forge, store, slot }: House): void {
  const { dice } = world;
  server.loseLedger();
  // Then only the forge remembers what was judged.
  if (dice.chance(0.3)) store.forget();
  world.at(dice.between(500, 20_000), () => {
    server.start();
    if (slot === null || world.now < slotAfterMs + 10_000) return;
    world.at(dice.between(1, 10_000), () => {
      const branch = [...forge.places.values()].find((place) => place.branch === nightlySchedule.branch);
      if (branch !== undefined) server.deliverSlot(branch.key, slot);
    });
  });
}

/** At once, or at any of its next calls to the outside. */
function killAt({ world }: House, target: ServerModel | WorkerModel, start: () => void, downMs: number): void {
  const { life } = target;
  if (life === null) return;
  if (world.dice.chance(0.3)) life.kill();
  else life.dieAtCall(world.dice.integer(1, 40), world.dice.chance(0.5));
  const startAgain = (): void => {
    if (life.isAlive) world.at(1_000, startAgain);
    else start();
  };
  world.at(downMs, startAgain);
}

/** Somebody in the broker says that a job passed. */
function forgeMessage({ world, broker, workers }: House): void {
  const known = workers.flatMap((worker) => worker.host.executions).at(-1)?.holding.envelope;
  if (known === undefined) return;
  const job = world.dice.chance(0.5)
    ? known.job
    : { ...known.job, subject: { ...known.job.subject, sha: 'f'.repeat(40) } };
  const envelope = { ...known, job, signature: world.dice.hex(32) };
  const message = {
    v: 1,
    worker: 'mallory',
    session: 1,
    seq: 1,
    kind: 'finished',
    envelope,
    nonce: world.dice.hex(8),
    outcome: { kind: 'passed' },
    startedAt: null,
    endedAt: 0,
    testedSha: null,
    imageDigest: null,
    peakMemoryBytes: null,
    oom: 'no',
  };
  broker.forge(collectorQueue, JSON.stringify(message));
}

/** The adversary is gone; whoever is down comes back. */
function heal(house: House, store: StoreModel): void {
  const { world, broker, forge, server, workers } = house;
  world.note('world', () => 'heals');
  broker.isHostile = false;
  forge.isHostile = false;
  forge.isAway = false;
  store.isAway = false;
  for (const worker of workers) worker.host.isHostile = false;
  const revive = (): void => {
    server.start();
    for (const worker of workers) if (!worker.isGone) worker.start();
    world.at(10_000, revive);
  };
  revive();
}

/** Nothing is left to do, as far as one can see from outside; two scans more will tell. */
function isQuiet({ server, workers, forge, broker }: House): boolean {
  if (!server.isReady) return false;
  const isBusy = ({ host, isGone }: WorkerModel): boolean =>
    !isGone && host.running().length + host.unsealed() + host.spooled() > 0;
  if (workers.some(isBusy)) return false;
  if (broker.countsNow(collectorQueue).ready > 0) return false;
  const open = server.database.read(
    (sql) =>
      sql.get<{ n: number }>(
        `SELECT (SELECT COUNT(*) FROM jobs WHERE state <> 'ended') + (SELECT COUNT(*) FROM reports WHERE posted_version < version)
           + (SELECT COUNT(*) FROM deliveries WHERE state = 'pending') + (SELECT COUNT(*) FROM chores WHERE is_done = 0) AS n`,
      )?.n ?? 0,
  );
  return (
    open === 0 &&
    ![...forge.places.values()].some((place) => place.isOpen && place.requests.some(({ id }) => !forge.answers.has(id)))
  );
}

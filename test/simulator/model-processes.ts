import { GroundcrewError } from '../../src/base/errors.ts';
import { openDatabase, type Database } from '../../src/base/sqlite.ts';
import { silentLogger, type Logger } from '../../src/base/logger.ts';
import { serve, type Server } from '../../src/cli/serve.ts';
import type { Change } from '../../src/core/change.ts';
import type { GrantSource } from '../../src/dispatch/give-grants.ts';
import type { Plan, PlannedCheck } from '../../src/core/snapshot.ts';
import type { RepoSchedule } from '../../src/intake/schedule.ts';
import type { ScheduleSlot } from '../../src/core/forge-event.ts';
import { attemptOf } from '../../src/core/job-envelope.ts';
import { jobQueue } from '../../src/core/queue-plan.ts';
import type { Applied, Decision, Ledger } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/open-ledger.ts';
import type { BrokerModel } from './broker-model.ts';
import type { ForgeModel, ModelEvent } from './forge-model.ts';
import type { StoreModel } from './host-model.ts';
import { overDeafQueues } from './over-deaf-queues.ts';
import { Life, ProcessClock, throughLife, type World } from './world.ts';

const signingKey = 'the key of this simulated server';

/** Short, so that what goes on beyond it costs few events (ms). */
export const jobTimeoutMs = 10 * 60_000;

/** A check as the simulated policy asks for it. */
export function plannedCheck(context: string, extra: Partial<PlannedCheck> = {}): PlannedCheck {
  return {
    context,
    command: null,
    container: null,
    env: {},
    secrets: [],
    needs: [],
    pool: 'default',
    priority: 0,
    timeoutMs: jobTimeoutMs,
    exclusive: false,
    integration: 'merge',
    network: 'default',
    limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
    commandSubject: null,
    isManual: false,
    ...extra,
  };
}

/** The ledger file, which outlives the processes that open it. */
interface LedgerFile {
  readonly database: Database;
  /** Remembers nothing beside the database, so that every life may use the same. */
  readonly ledger: Ledger;
}

/** Ledgers of earlier seeds, emptied: to make the tables and compile the statements took a tenth of a seed's time. */
const emptied: LedgerFile[] = [];

function emptyLedger(): LedgerFile {
  const kept = emptied.pop();
  if (kept !== undefined) return kept;
  const database = openDatabase({ path: ':memory:', schedule: queueMicrotask });
  return { database, ledger: openSqliteLedger(database) };
}

/** Gives back a ledger whose processes are all dead. Its tables were never altered, so an empty one is like a new one. */
async function giveBackLedger(file: LedgerFile): Promise<void> {
  await file.database.change((sql) => {
    const tables = sql.all<{ name: string }>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version'`,
    );
    for (const { name } of tables) sql.run(`DELETE FROM ${name}`);
  });
  emptied.push(file);
}

/** What a process logs, as a line of the trip. */
export function timelineLogger(world: World, who: string, isTraced: boolean): Logger {
  if (!isTraced) return silentLogger;
  const say = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
    world.note(who, () => `${message} ${JSON.stringify(fields ?? {})}`);
  };
  return { debug: say, info: say, warn: say, error: say, with: () => timelineLogger(world, who, isTraced) };
}

/** Refused for the job's sake, not for somebody else's who runs it. */
function isCalledOff({ stops }: Applied, nonce: string): boolean {
  return stops.some((stop) => stop.nonce === nonce && stop.reason !== 'withdrawn');
}

/** The server of a simulated house: the production modules, on models of everything around them. */
export class ServerModel {
  life: Life | null = null;
  isReady = false;
  deaths = 0;
  ledgerLosses = 0;
  clockSteps = 0;
  lostLedgerAt: number | null = null;
  /** When there was a server again after that. */
  backAt: number | null = null;
  connection: ReturnType<BrokerModel['connect']> | null = null;
  readonly failures: string[] = [];
  /** The contexts that each place was said to have, last. */
  readonly served = new Map<string, readonly string[]>();
  /** Claims of orders of which another copy had ended then. */
  readonly lateClaims = new Set<string>();
  /** Hears of each decision that was applied. */
  onDecision: (decision: Decision) => void = () => undefined;
  #file: LedgerFile;
  #server: Server | null = null;
  #clock: ProcessClock | null = null;
  #offsetMs = 0;
  #slots = 0;
  readonly #world: World;
  readonly #broker: BrokerModel;
  readonly #forge: ForgeModel;
  readonly #store: StoreModel;
  readonly #plan: (change: Change) => Plan;
  readonly #schedules: readonly RepoSchedule[];
  readonly #isGranting: boolean;
  readonly #isTraced: boolean;

  constructor(parts: {
    world: World;
    broker: BrokerModel;
    forge: ForgeModel;
    store: StoreModel;
    plan: (change: Change) => Plan;
    schedules: readonly RepoSchedule[];
    /** Repository and store need what only the server has. */
    isGranting: boolean;
    isTraced: boolean;
  }) {
    this.#world = parts.world;
    this.#broker = parts.broker;
    this.#forge = parts.forge;
    this.#store = parts.store;
    this.#plan = parts.plan;
    this.#schedules = parts.schedules;
    this.#isGranting = parts.isGranting;
    this.#isTraced = parts.isTraced;
    this.#file = emptyLedger();
  }

  get database(): Database {
    return this.#file.database;
  }

  /** Webhooks reach a living server only, with the forge's patience of ten seconds and no repetition. */
  deliver(event: ModelEvent): void {
    const server = this.#server;
    const { life } = this;
    if (server === null || life?.isAlive !== true) {
      this.#world.note('server', () => `webhook ${event.deliveryId} missed`);
      return;
    }
    const received = {
      kind: 'change',
      forge: this.#forge.name,
      repo: this.#forge.repo,
      changeKey: event.changeKey,
      sha: event.sha,
    } as const;
    server
      .receive({ id: event.deliveryId, event: received, receivedAt: 0, traceId: this.#world.dice.hex(8) })
      .catch((error: unknown) => {
        this.failures.push(`receive: ${String(error)}`);
      });
  }

  /**
   * A slot of a schedule, delivered once more, and under another name: a lost ledger does not know that it came. As everything that
   * a schedule brings of before its ledger's time it asks for no more than what the forge shows as begun.
   */
  deliverSlot(changeKey: string, slot: ScheduleSlot): void {
    if (this.#server === null || this.life?.isAlive !== true) return;
    this.#slots += 1;
    const { name: forge, repo } = this.#forge;
    const event = { kind: 'schedule', forge, repo, changeKey, slot, isOnlyResumed: true } as const;
    const delivery = { id: `slot-${String(this.#slots)}`, event, receivedAt: 0, traceId: this.#world.dice.hex(8) };
    this.#server.receive(delivery).catch((error: unknown) => {
      this.failures.push(`receive: ${String(error)}`);
    });
  }

  start(): void {
    if (this.life?.isAlive === true) return;
    const { dice } = this.#world;
    const life = new Life(() => {
      this.#world.note('server', () => 'killed');
      this.deaths += 1;
      this.isReady = false;
      this.connection?.dead();
    });
    this.life = life;
    this.backAt ??= this.#world.now;
    this.#world.note('server', () => 'started');
    const connection = this.#broker.connect(life, 'server');
    this.connection = connection;
    const clock = new ProcessClock(
      this.#world,
      life,
      this.#offsetMs + dice.between(-5_000, 5_000),
      dice.between(0.999, 1.001),
    );
    this.#clock = clock;
    const plan = this.#plan;
    const server = serve(
      {
        ledger: this.#watched(this.#file.ledger, life),
        queue: overDeafQueues(
          {
            ...throughLife(connection.queue, life),
            consume: (name, handler) => life.call(() => connection.queue.consume(name, handler)),
          },
          (name) => life.call(() => connection.remove(name)),
          clock,
        ),
        forges: new Map([
          [
            this.#forge.name,
            {
              ...throughLife(this.#forge.port(), life),
              repos: () => [this.#forge.repo],
              cloneUrl: () => 'https://example.invalid/team/project',
              name: this.#forge.name,
            },
          ],
        ]),
        plan: (change) =>
          life.call(async () => {
            const planned = plan(change);
            this.served.set(change.key, planned.kind === 'checks' ? planned.checks.map(({ context }) => context) : []);
            return planned;
          }),
        schedules: () => this.#schedules,
        runRecords: (job) =>
          life.call(async () => {
            if (this.#store.isAway)
              throw new GroundcrewError('storage/unavailable', 'the store is away', { retry: 'later' });
            return this.#store.records.get(job.id) ?? [];
          }),
        clock,
        random: dice,
        logger: timelineLogger(this.#world, 'server', this.#isTraced),
        signingKey,
        verifyKeys: [signingKey],
        knownQueues: [jobQueue({ pool: 'default', needs: [] }), jobQueue({ pool: 'default', needs: ['kvm'] })],
        publicUrl: () => 'https://ci.example.invalid',
        ...(this.#isGranting ? { grants: this.#grants(life) } : {}),
        scanPeriodMs: 60_000,
        onChanged: () => undefined,
        onReady: () => {
          this.isReady = life.isAlive;
        },
      },
      life.abort.signal,
    );
    this.#server = server;
    server.done.catch((error: unknown) => {
      if (life.isAlive)
        this.failures.push(`server ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  }

  /** A forge that answers late, or not while it is away; a store that signs by itself. */
  #grants(life: Life): GrantSource {
    return {
      kindsFor: () => ['fetch', 'store'],
      fetchGrant: () =>
        life.call(async () => {
          await this.#world.pause(this.#world.dice.between(5, this.#forge.isHostile ? 20_000 : 500));
          if (this.#forge.isAway)
            throw new GroundcrewError('forge/unreachable', 'the forge is away', { retry: 'later' });
          return { username: 'u', password: this.#world.dice.hex(8) };
        }),
      storeGrant: async (prefix, validMs) => ({
        grant: { kind: 'http', url: `https://store.example.invalid/${prefix}/`, token: null },
        // Short, so that it is renewed.
        validMs: Math.min(validMs, 60_000),
      }),
    };
  }

  #watched(ledger: Ledger, life: Life): Ledger {
    return {
      ...throughLife(ledger, life),
      claimed: (message, isVouched, now) =>
        life.call(async () => {
          const applied = await ledger.claimed(message, isVouched, now);
          const { jobId, generation, n } = attemptOf(message.envelope);
          const copies = this.database.read((sql) =>
            sql.all<{ nonce: string; state: string }>(
              'SELECT nonce, state FROM attempts WHERE job_id = ? AND generation = ? AND n = ?',
              jobId,
              generation,
              n,
            ),
          );
          if (copies.some(({ state }) => state === 'ended')) this.lateClaims.add(message.nonce);
          else if (isCalledOff(applied, message.nonce) && !copies.some(({ nonce }) => nonce === message.nonce))
            this.failures.push(`a claim of ${jobId}, which was called off, was forgotten (R14)`);
          return applied;
        }),
      applyDecision: (decision) =>
        life.call(async () => {
          const applied = await ledger.applyDecision(decision);
          if (applied.kind === 'applied') this.onDecision(decision);
          return applied;
        }),
    };
  }

  /** The policy is another one, and a living server is told. */
  policyChanged(): void {
    if (this.life?.isAlive === true) this.#server?.scanSoon();
  }

  /** Somebody sets the machine's clock. */
  stepClock(byMs: number): void {
    this.#offsetMs += byMs;
    this.clockSteps += 1;
    if (this.#clock !== null) this.#clock.offsetMs += byMs;
    this.#world.note('server', () => `clock stepped by ${String(Math.round(byMs / 1000))} s`);
  }

  /** The seed is over. After the death of the last process. */
  async end(): Promise<void> {
    this.life?.kill();
    await giveBackLedger(this.#file);
  }

  /** The ledger file is gone; the next start finds an empty one. */
  loseLedger(): void {
    this.life?.kill();
    this.ledgerLosses += 1;
    this.lostLedgerAt = this.#world.now;
    this.backAt = null;
    this.#world.note('server', () => 'lost its ledger');
    const lost = this.#file;
    this.#file = emptyLedger();
    // What the dead process had asked for is applied before.
    void giveBackLedger(lost);
  }
}

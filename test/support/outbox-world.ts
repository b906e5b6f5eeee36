import { createHandClock, type HandClock } from './hand-clock.ts';
import { FakeWorker, offer } from './ledger-world.ts';
import type { Clock } from '../../src/base/clock.ts';
import { GroundcrewError, type ErrorCode } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { openDatabase, type Database } from '../../src/base/sqlite.ts';
import { commitMoved } from '../../src/core/forge-event.ts';
import type { Job } from '../../src/core/job.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { CommentToPost, Forge, IssueToKeep, StatusToPost } from '../../src/forge/forge.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../../src/ledger/sqlite/reader.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { LedgerReader } from '../../src/ledger/ledger-reader.ts';
import { createOutbox, type Outbox } from '../../src/report/outbox.ts';
import type { WaitingReason } from '../../src/report/waiting-words.ts';

export const never = new AbortController().signal;
export const worker = new FakeWorker('w1');
export const hourMs = 3_600_000;

interface Wish {
  readonly remembersStatuses?: boolean;
  /** At least so long between two writes (ms). */
  readonly spacingMs?: number;
}

/** What a forge was told, and how it answers the next calls. */
class FakeForge {
  readonly posted: StatusToPost[] = [];
  readonly told: string[] = [];
  readonly comments: CommentToPost[] = [];
  readonly issues: IssueToKeep[] = [];
  left = 500;
  readyAt = 0;
  /** The next so many writes fail with this. */
  fail = 0;
  error: GroundcrewError = new GroundcrewError('forge/away', 'the forge is away', { retry: 'later' });
  readonly name: string;
  readonly #wish: Wish;
  readonly #clock: Clock;

  constructor(name: string, clock: Clock, wish: Wish) {
    this.name = name;
    this.#wish = wish;
    this.#clock = clock;
  }

  get contexts(): readonly string[] {
    return this.posted.map(({ context, state }) => `${context} ${state}`);
  }

  port(): Forge {
    const answer = async (note: () => void): Promise<void> => {
      this.left -= 1;
      this.readyAt = this.#clock.now() + (this.#wish.spacingMs ?? 0);
      this.fail -= 1;
      if (this.fail >= 0) throw this.error;
      note();
    };
    const port: Partial<Forge> = {
      name: this.name,
      remembersStatuses: this.#wish.remembersStatuses ?? true,
      setStatus: (status) => answer(() => this.posted.push(status)),
      rememberApproval: (_repo, sha, by) => answer(() => this.told.push(`approved ${sha.slice(0, 4)} by ${by}`)),
      markRequestDone: (_repo, id, _signal, how) => answer(() => this.told.push(`${how ?? 'done'} ${id}`)),
      comment: (comment) => answer(() => this.comments.push(comment)),
      keepIssue: (issue) => answer(() => this.issues.push(issue)),
      writeAllowance: () => ({ readyAt: this.readyAt, leftThisHour: this.left }),
    };
    return port as Forge;
  }
}

/** What a test of the outbox has to do with. */
export interface OutboxWorld {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  readonly clock: HandClock;
  readonly outbox: Outbox;
  /** `git` and `hub`. */
  readonly forge: FakeForge;
  readonly other: FakeForge;
  /** Why every job waits. */
  readonly waiting: { reason: WaitingReason };
  /** Flushes as the run loop does, until nothing waits or so much time (ms) is over. */
  readonly flushFor: (ms: number) => Promise<void>;
}

/** An outbox over a ledger of its own and two forges, `git` and `hub`, by a clock that the test moves. */
export function openOutboxWorld(t: { after(fn: () => Promise<void>): void }, wish: Wish = {}): OutboxWorld {
  const database = openDatabase({ path: ':memory:' });
  t.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const clock = createHandClock(1_000_000);
  const [forge, other] = [new FakeForge('git', clock, wish), new FakeForge('hub', clock, wish)];
  const waiting: { reason: WaitingReason } = { reason: { sentence: '3 before it', isBlocked: false } };
  let looks = 0;
  const outbox = createOutbox({
    ledger,
    // As the server does.
    lookAgain: (commit) => {
      looks += 1;
      const id = `doubt/${String(looks)}`;
      const event = commitMoved(commit);
      return ledger.recordDelivery({ id, source: 'doubt', event, receivedAt: clock.now(), traceId: '' });
    },
    forges: new Map([forge, other].map((one) => [one.name, one.port()])),
    clock,
    random: { hex: () => '', fraction: () => 0.5 },
    logger: silentLogger,
    publicUrl: () => 'https://ci.example.org',
    askWaiting: async () => waiting.reason,
  });
  const flushFor = async (ms: number): Promise<void> => {
    const end = clock.now() + ms;
    for (;;) {
      const nextAt = await outbox.flush(never);
      if (nextAt === null || nextAt > end) return;
      clock.pass(Math.max(1, nextAt - clock.now()));
    }
  };
  return { database, ledger, reader: openSqliteLedgerReader(database), clock, outbox, forge, other, waiting, flushFor };
}

let nonces = 0;

/** Claims and ends the job, or lets it run. */
export async function work(world: OutboxWorld, job: Job, how: Outcome | 'running'): Promise<void> {
  nonces += 1;
  const holding = FakeWorker.holding(await offer(world.ledger, job), 'a');
  const mine = { ...holding, nonce: nonces.toString(16).padStart(16, '0') };
  await world.ledger.claimed(worker.claimed(mine), true, world.clock.now());
  await world.ledger.beat(worker.beat(mine, 'running'), true, world.clock.now());
  if (how !== 'running') await world.ledger.finished(worker.finished(mine, how), true, world.clock.now());
}

export function refusal(code: ErrorCode, retry: 'later' | 'never', retryAfterMs?: number): GroundcrewError {
  return Object.assign(new GroundcrewError(code, code, { retry }), retryAfterMs === undefined ? {} : { retryAfterMs });
}

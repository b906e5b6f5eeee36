import type { Outcome, Phase } from '../../src/core/outcome.ts';
import type { Finished, Holding, Sealed } from '../../src/core/worker-message.ts';
import type {
  AttemptEnd,
  AttemptProgress,
  AttemptRunner,
  RunningAttempt,
  StopRequest,
} from '../../src/worker/attempt-runner.ts';
import type { Spool } from '../../src/worker/spool.ts';
import type { Life, World } from './world.ts';

/** One run of a job's command, as the host saw it: the truth that the checks compare everything with. */
export interface Execution {
  readonly holding: Holding;
  readonly worker: string;
  /** Before the claim; who has to wait for a grant starts later. */
  readonly preparedAt: number;
  readonly startedAt: number;
  endedAt: number | null;
  outcome: Outcome | null;
  /** When a living worker of this host saw the end. */
  seenAt: number | null;
  /** Goes on until somebody stops it: its worker beats for ever. */
  isEndless: boolean;
}

interface Container {
  readonly holding: Holding;
  readonly execution: Execution;
  isStopping: StopRequest | null;
  readonly onEnd: (() => void)[];
  phase: Phase;
  end: AttemptEnd | null;
}

/** The run records that workers left in the object store, by job. */
export class StoreModel {
  readonly records = new Map<string, Finished[]>();
  readonly recorded: { readonly record: Finished; readonly at: number }[] = [];
  isAway = false;

  /** What is old is forgotten there, too. */
  forget(): void {
    this.records.clear();
    this.recorded.length = 0;
  }
}

/**
 * A worker's machine: containers that outlive the worker process, and a disk. Losing the machine ends the containers; the
 * disk comes back with it.
 */
export class HostModel {
  readonly name: string;
  readonly executions: Execution[] = [];
  session = 0;
  /** When worker processes of this host were killed. */
  readonly kills: number[] = [];
  /** Started without what their orders say that they have to wait for. */
  readonly ungranted: string[] = [];
  /** No worker can keep a holding of this context: an order that nobody can take. */
  poisonousContext: string | null = null;
  /** Of the next job neither the end nor the time limit will come. */
  isNextEndless = false;
  isHostile = true;
  readonly #world: World;
  readonly #store: StoreModel;
  readonly #containers = new Map<string, Container>();
  readonly #prepared = new Map<string, Holding>();
  readonly #preparedAt = new Map<string, number>();
  readonly #spool: { id: string; message: Finished | Sealed }[] = [];
  #spooled = 0;
  #frozenUntil = 0;

  constructor(world: World, store: StoreModel, name: string) {
    this.#world = world;
    this.#store = store;
    this.name = name;
  }

  /** Containers that run now. */
  running(): readonly Execution[] {
    return [...this.#containers.values()].map((one) => one.execution).filter((execution) => execution.endedAt === null);
  }

  /** Containers that are over and whose log is not in the store yet. */
  unsealed(): number {
    return this.#containers.size - this.running().length;
  }

  spooled(): number {
    return this.#spool.length;
  }

  /** Power cut: everything that ran is gone; the disk is not. */
  lose(): void {
    for (const { execution } of this.#containers.values()) execution.endedAt ??= this.#world.now;
    this.#containers.clear();
  }

  spool(life: Life): Spool {
    return {
      put: (message) =>
        life.call(async () => {
          await this.#world.pause(this.#world.dice.between(0, 3));
          this.#spooled += 1;
          this.#spool.push({ id: String(this.#spooled).padStart(8, '0'), message });
        }),
      list: () => life.call(async () => [...this.#spool]),
      remove: (id) =>
        life.call(async () => {
          const at = this.#spool.findIndex((one) => one.id === id);
          if (at >= 0) this.#spool.splice(at, 1);
        }),
    };
  }

  runner(life: Life): AttemptRunner {
    return {
      refusal: () => life.call(async () => null),
      prepare: (holding) =>
        life.call(async () => {
          await this.#world.pause(this.#world.dice.between(0, 3));
          if (holding.envelope.job.context === this.poisonousContext) throw new Error('the disk refuses');
          this.#prepared.set(holding.nonce, holding);
          this.#preparedAt.set(holding.nonce, this.#world.now);
        }),
      forget: (holding) =>
        life.call(async () => {
          this.#prepared.delete(holding.nonce);
        }),
      start: (holding, progress) => {
        const grant = progress.grants?.now() ?? null;
        const held = [grant?.fetch ?? null, grant?.store ?? null];
        if (holding.envelope.grants !== undefined && held.includes(null)) this.ungranted.push(holding.nonce);
        return this.#attend(life, this.#start(holding), progress);
      },
      adopt: (progressOf) =>
        life.call(async () => {
          await this.#world.pause(this.#world.dice.between(0, 50));
          for (const nonce of this.#prepared.keys()) if (!this.#containers.has(nonce)) this.#prepared.delete(nonce);
          return [...this.#containers.values()].map((container) => ({
            holding: container.holding,
            attempt: this.#attend(life, container, progressOf(container.holding)),
          }));
        }),
    };
  }

  #start(holding: Holding): Container {
    const { dice } = this.#world;
    const execution: Execution = {
      holding,
      worker: this.name,
      preparedAt: this.#preparedAt.get(holding.nonce) ?? this.#world.now,
      startedAt: this.#world.now,
      endedAt: null,
      outcome: null,
      seenAt: null,
      isEndless: this.isNextEndless,
    };
    this.isNextEndless = false;
    this.executions.push(execution);
    const container: Container = { holding, execution, isStopping: null, onEnd: [], phase: 'checkout', end: null };
    this.#containers.set(holding.nonce, container);
    this.#world.note(this.name, () => `runs ${label(holding)}`);
    this.#world.at(dice.between(100, 2_000), () => {
      container.phase = 'running';
    });
    if (execution.isEndless) return container;
    const isBroken = this.isHostile && dice.chance(0.08);
    this.#world.at(
      isBroken ? dice.between(0, 10_000) : dice.between(2_000, dice.chance(0.15) ? 120_000 : 30_000),
      () => {
        this.#whenThawed(() => {
          this.#end(container, isBroken ? { kind: 'broken', cause: 'executor', phase: 'starting' } : this.#verdict());
        });
      },
    );
    return container;
  }

  /** The machine stands still, and its containers with it. */
  freeze(forMs: number): void {
    this.#frozenUntil = this.#world.now + forMs;
  }

  #whenThawed(go: () => void): void {
    const leftMs = this.#frozenUntil - this.#world.now;
    if (leftMs <= 0) go();
    else this.#world.at(leftMs + this.#world.dice.between(0, 5_000), go);
  }

  #verdict(): Outcome {
    const { dice } = this.#world;
    if (dice.chance(0.7)) return { kind: 'passed' };
    return dice.chance(0.8) ? { kind: 'failed', exitCode: 1, reason: 'exit' } : { kind: 'timed-out', afterMs: 1000 };
  }

  #end(container: Container, outcome: Outcome): void {
    if (container.execution.endedAt !== null) return;
    container.execution.endedAt = this.#world.now;
    container.execution.outcome = outcome;
    container.end = {
      outcome,
      startedAt: Math.round(container.execution.startedAt),
      endedAt: Math.round(this.#world.now),
      testedSha: null,
      imageDigest: null,
      peakMemoryBytes: null,
      oom: 'no',
    };
    this.#world.note(this.name, () => `ended ${label(container.holding)}: ${outcome.kind}`);
    for (const tell of container.onEnd.splice(0)) tell();
  }

  #attend(life: Life, container: Container, progress: AttemptProgress): RunningAttempt {
    // Told once it is held: the caller registers the attempt after `start` returned.
    this.#world.at(1, () => {
      if (life.isAlive) progress.phase(container.phase);
    });
    return {
      ended: new Promise((resolve) => {
        const tell = (): void => {
          const { end } = container;
          if (end === null) return;
          life.whenAwake(() => {
            container.execution.seenAt ??= this.#world.now;
            resolve(end);
          });
        };
        if (container.end === null) container.onEnd.push(tell);
        else this.#world.at(0, tell);
      }),
      stop: (request) => {
        if (!life.isAlive || container.isStopping !== null || container.end !== null) return;
        container.isStopping = request;
        this.#world.note(this.name, () => `stops ${label(container.holding)}`);
        this.#world.at(this.#world.dice.between(10, 2_000), () => {
          this.#end(
            container,
            request.kind === 'leaving'
              ? { kind: 'broken', cause: 'gave-back', phase: 'running' }
              : { kind: 'canceled', reason: request.reason, by: request.by },
          );
        });
      },
      seal: async (signal) => {
        // Who was resumed has to ask anew.
        if (container.holding.envelope.grants?.includes('store') === true) await progress.grants?.wait(signal);
        return await this.#seal(life, container, signal);
      },
      cleanup: () =>
        life.call(async () => {
          this.#containers.delete(container.holding.nonce);
          this.#prepared.delete(container.holding.nonce);
        }),
    };
  }

  async #seal(
    life: Life,
    container: Container,
    signal: AbortSignal,
  ): Promise<Pick<Sealed, 'logSha256' | 'logBytes' | 'isTruncated'> | null> {
    for (;;) {
      await this.#world.pause(this.#world.dice.between(10, 500));
      if (signal.aborted) return null;
      if (this.#store.isAway) continue;
      return await life.call(async () => {
        const { end, holding } = container;
        if (end !== null) {
          const record: Finished = {
            v: 1,
            worker: this.name,
            session: this.session,
            seq: 0,
            kind: 'finished',
            ...holding,
            ...end,
          };
          this.#store.recorded.push({ record, at: this.#world.now });
          const { id } = holding.envelope.job;
          this.#store.records.set(id, [...(this.#store.records.get(id) ?? []), record]);
        }
        return { logSha256: '0'.repeat(64), logBytes: 1, isTruncated: false };
      });
    }
  }
}

function label({ envelope, nonce }: Holding): string {
  return `${envelope.job.context} ${envelope.job.id.slice(0, 6)}.${String(envelope.generation)}.${String(envelope.n)} (${nonce.slice(0, 4)})`;
}

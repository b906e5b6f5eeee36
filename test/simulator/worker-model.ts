import { createWorkerLoop, type WorkerLoop } from '../../src/worker/worker-loop.ts';
import type { BrokerModel } from './broker-model.ts';
import type { HostModel } from './host-model.ts';
import { timelineLogger } from './model-processes.ts';
import { Life, ProcessClock, throughLife, type World } from './world.ts';

/** A worker process on a host. */
export class WorkerModel {
  readonly host: HostModel;
  readonly slots: number;
  readonly capabilities: readonly string[];
  life: Life | null = null;
  connection: ReturnType<BrokerModel['connect']> | null = null;
  healthySince: number | null = null;
  /** The machine was lost for good. */
  isGone = false;
  readonly failures: string[] = [];
  #loop: WorkerLoop | null = null;
  readonly #world: World;
  readonly #broker: BrokerModel;
  readonly #isTraced: boolean;

  constructor(parts: {
    world: World;
    broker: BrokerModel;
    host: HostModel;
    slots: number;
    capabilities: readonly string[];
    isTraced: boolean;
  }) {
    this.#world = parts.world;
    this.#broker = parts.broker;
    this.host = parts.host;
    this.slots = parts.slots;
    this.capabilities = parts.capabilities;
    this.#isTraced = parts.isTraced;
  }

  start(): void {
    if (this.life?.isAlive === true || this.isGone) return;
    const { dice } = this.#world;
    const life = new Life(() => {
      this.#world.note(this.host.name, () => 'killed');
      this.host.kills.push(this.#world.now);
      this.connection?.dead();
    });
    this.life = life;
    this.host.session += 1;
    this.#world.note(this.host.name, () => 'started');
    const connection = this.#broker.connect(life, this.host.name);
    this.connection = connection;
    const loop = createWorkerLoop({
      name: this.host.name,
      session: this.host.session,
      offer: {
        pool: 'default',
        capabilities: this.capabilities,
        slots: this.slots,
        hostname: this.host.name,
        version: '1',
      },
      queue: {
        ...throughLife(connection.queue, life),
        consume: (name, handler) => life.call(() => connection.queue.consume(name, handler)),
      },
      runner: this.host.runner(life),
      spool: this.host.spool(life),
      clock: new ProcessClock(this.#world, life, dice.between(-60_000, 60_000), dice.between(0.99, 1.01)),
      random: dice,
      logger: timelineLogger(this.#world, this.host.name, this.#isTraced),
    });
    this.#loop = loop;
    loop.run(life.abort.signal).then(
      () => {
        if (life.isAlive) life.kill();
      },
      (error: unknown) => {
        if (life.isAlive)
          this.failures.push(
            `${this.host.name} ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
          );
      },
    );
  }

  /** Nobody hears of it for so long: its line is cut, or it is paused, with its containers or without. False: it was silent already. */
  silence(how: 'cut off' | 'paused' | 'frozen', forMs: number): boolean {
    const { life, connection } = this;
    if (life?.isAlive !== true || connection?.isUp() !== true) return false;
    this.#world.note(this.host.name, () => `${how} for ${String(Math.round(forMs / 1000))} s`);
    connection.cut(forMs + this.#world.dice.between(500, 3_000));
    if (how === 'cut off') return true;
    if (how === 'frozen') this.host.freeze(forMs);
    life.pause();
    this.#world.at(forMs, () => {
      life.resume();
    });
    return true;
  }

  leave(how: 'when-done' | 'now'): void {
    this.#world.note(this.host.name, () => `asked to leave (${how})`);
    if (this.life?.isAlive === true) this.#loop?.leave(how);
  }
}

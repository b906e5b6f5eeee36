import type { ScheduleSlot } from '../../src/core/forge-event.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { BrokerModel } from './broker-model.ts';
import type { ForgeModel } from './forge-model.ts';
import type { Execution, StoreModel } from './host-model.ts';
import type { ServerModel } from './model-processes.ts';
import type { WorkerModel } from './worker-model.ts';
import type { World } from './world.ts';

/** The adversary leaves then (ms). */
export const hostileForMs = 150_000;

/** A beat, one control message lost, the stop itself, and messages under way (ms). */
export const overlapBoundMs = 45_000;

/** What the policy lacks now, of the contexts that it began with, and what it ever lacked. */
export interface PolicyModel {
  readonly removed: Set<string>;
  readonly everRemoved: Set<string>;
}

/** The simulated house, as the checks look at it. */
export interface House {
  readonly world: World;
  readonly broker: BrokerModel;
  readonly forge: ForgeModel;
  readonly store: StoreModel;
  readonly server: ServerModel;
  readonly workers: readonly WorkerModel[];
  readonly contexts: readonly string[];
  readonly policy: PolicyModel;
  /** The schedule of the branch `main`, if there is one, and its only slot. */
  readonly slot: ScheduleSlot | null;
  /** The check that no worker can take, if there is one. */
  readonly poisonous: string | null;
}

/** A job as the ledger has it. */
export interface JobRow {
  readonly id: string;
  readonly generation: number;
  readonly state: string;
  readonly sha: string;
  readonly context: string;
  readonly occasion: string;
  readonly body: string;
  readonly outcome: string | null;
}

/** A holding as the ledger has it. */
export interface AttemptRow {
  readonly job_id: string;
  readonly generation: number;
  readonly n: number;
  readonly nonce: string;
  readonly state: string;
  readonly is_owner: number;
  readonly is_accepted: number;
  readonly outcome: string | null;
}

export function outcomeOf(json: string | null): Outcome | null {
  return json === null ? null : (JSON.parse(json) as Outcome);
}

export function jobRows({ server }: House): readonly JobRow[] {
  return server.database.read((sql) =>
    sql.all<JobRow>('SELECT id, generation, state, sha, context, occasion, body, outcome FROM jobs'),
  );
}

export function attemptRows({ server }: House): readonly AttemptRow[] {
  return server.database.read((sql) =>
    sql.all<AttemptRow>('SELECT job_id, generation, n, nonce, state, is_owner, is_accepted, outcome FROM attempts'),
  );
}

export function executionsOf(house: House): readonly Execution[] {
  return house.workers.flatMap((worker) => worker.host.executions);
}

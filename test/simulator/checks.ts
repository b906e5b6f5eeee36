import type { Outcome } from '../../src/core/outcome.ts';
import { isVerdict } from '../../src/core/outcome.ts';
import { parseRunLink } from '../../src/core/run-link.ts';
import { verdictStateOf } from '../../src/decide/verdict-state.ts';
import type { BrokerModel } from './broker-model.ts';
import type { ForgeModel, ModelStatus } from './forge-model.ts';
import type { Execution } from './host-model.ts';
import type { ServerModel, WorkerModel } from './model-processes.ts';
import type { World } from './world.ts';

/** A beat, one control message lost, the stop itself, and messages under way (ms). */
const overlapBoundMs = 45_000;
/** Silence is 60 s; a worker that was well for longer cannot be silent (ms). */
const wellBoundMs = 64_000;
const watchPeriodMs = 3_000;

/** The simulated house, as the checks look at it. */
export interface House {
  readonly world: World;
  readonly broker: BrokerModel;
  readonly forge: ForgeModel;
  readonly server: ServerModel;
  readonly workers: readonly WorkerModel[];
  readonly contexts: readonly string[];
}

interface JobRow {
  readonly id: string;
  readonly generation: number;
  readonly state: string;
  readonly sha: string;
  readonly context: string;
  readonly occasion: string;
  readonly body: string;
  readonly outcome: string | null;
}

interface AttemptRow {
  readonly job_id: string;
  readonly generation: number;
  readonly n: number;
  readonly nonce: string;
  readonly state: string;
  readonly is_owner: number;
  readonly is_accepted: number;
  readonly outcome: string | null;
}

function outcomeOf(json: string | null): Outcome | null {
  return json === null ? null : (JSON.parse(json) as Outcome);
}

function jobRows({ server }: House): readonly JobRow[] {
  return server.database.read((sql) =>
    sql.all<JobRow>('SELECT id, generation, state, sha, context, occasion, body, outcome FROM jobs'),
  );
}

function attemptRows({ server }: House): readonly AttemptRow[] {
  return server.database.read((sql) =>
    sql.all<AttemptRow>('SELECT job_id, generation, n, nonce, state, is_owner, is_accepted, outcome FROM attempts'),
  );
}

function executionsOf(house: House): readonly Execution[] {
  return house.workers.flatMap((worker) => worker.host.executions);
}

/** Watches the house while it runs; each broken promise is said once. */
export function watchHouse(house: House): { readonly violations: readonly string[]; finish(): void } {
  const { world, server, forge } = house;
  const violations: string[] = [];
  const said = new Set<string>();
  const violate = (text: string): void => {
    if (said.has(text)) return;
    said.add(text);
    world.note('CHECK', () => text);
    violations.push(text);
  };
  const badSince = new Map<string, number>();
  const knownLost = new Set<string>();
  const finals = new Map<string, { state: string; losses: number; at: number }>();

  forge.onStatus = (status) => {
    checkStatus(house, status, violate);
    const link = parseRunLink(status.targetUrl ?? '');
    if (link === null || (status.state !== 'success' && status.state !== 'failure')) return;
    const key = `${link.jobId}.${String(link.generation)}`;
    const before = finals.get(key);
    if (before !== undefined && before.state !== status.state && before.losses === server.ledgerLosses) {
      violate(`the verdict of ${key} went from ${before.state} to ${status.state}`);
    }
    finals.set(key, { state: status.state, losses: server.ledgerLosses, at: before?.at ?? world.now });
  };

  const look = (): void => {
    for (const worker of house.workers) {
      const isWell = worker.life?.isAlive === true && worker.connection?.isUp() === true;
      if (!isWell) worker.healthySince = null;
      else worker.healthySince ??= world.now;
    }
    if (server.life?.isAlive === true) {
      watchOverlap(house, badSince, violate);
      watchLost(house, knownLost, violate);
      const slots = house.workers.reduce((sum, worker) => sum + worker.slots, 0);
      const queues = server.database.read((sql) =>
        sql.all<{ n: number }>(`SELECT COUNT(*) AS n FROM attempts WHERE state = 'offered' GROUP BY queue`),
      );
      const offered = Math.max(0, ...queues.map((queue) => queue.n));
      if (offered > 2 * slots) violate(`${String(offered)} jobs offered in one queue for ${String(slots)} slots (R8)`);
    }
    world.at(watchPeriodMs, look);
  };
  world.at(watchPeriodMs, look);

  return {
    violations,
    finish() {
      checkEnd(house, violate);
      checkRepeats(house, finals, violate);
      for (const failure of [...server.failures, ...house.workers.flatMap((worker) => worker.failures)])
        violate(failure);
    },
  };
}

/** Somebody runs what the ledger does not want to be run by him, although everybody can hear each other. */
function watchOverlap(house: House, badSince: Map<string, number>, violate: (text: string) => void): void {
  const { world, server } = house;
  const isServerWell = server.isReady && server.connection?.isUp() === true;
  const wanted = new Set(
    server.database.read((sql) =>
      sql
        .all<{ nonce: string }>(
          `SELECT a.nonce FROM attempts a JOIN jobs j ON j.id = a.job_id AND j.generation = a.generation AND j.n = a.n
           WHERE a.state = 'live' AND a.is_owner = 1 AND j.state = 'running'`,
        )
        .map((row) => row.nonce),
    ),
  );
  const running = new Set<string>();
  for (const worker of house.workers) {
    for (const execution of worker.host.running()) {
      const { nonce } = execution.holding;
      running.add(nonce);
      if (wanted.has(nonce) || !isServerWell || worker.healthySince === null) {
        badSince.delete(nonce);
        continue;
      }
      const since = badSince.get(nonce) ?? world.now;
      badSince.set(nonce, since);
      if (world.now - since > overlapBoundMs) {
        violate(
          `${execution.holding.envelope.job.context} ${nonce} runs on ${worker.host.name} although nobody wants it to (R2, R6, R14)`,
        );
      }
    }
  }
  for (const nonce of badSince.keys()) if (!running.has(nonce)) badSince.delete(nonce);
}

/** Nobody who runs and speaks is given up. */
function watchLost(house: House, known: Set<string>, violate: (text: string) => void): void {
  const lost = house.server.database.read((sql) =>
    sql.all<{ nonce: string }>(`SELECT nonce FROM attempts WHERE outcome LIKE '%"lost"%'`),
  );
  for (const { nonce } of lost) {
    if (known.has(nonce)) continue;
    known.add(nonce);
    for (const worker of house.workers) {
      const execution = worker.host.running().find((one) => one.holding.nonce === nonce);
      const since = worker.healthySince;
      if (
        execution !== undefined &&
        since !== null &&
        house.world.now - Math.max(since, execution.startedAt) > wellBoundMs
      ) {
        violate(`${nonce} was given up while ${worker.host.name} ran it in good health (R3)`);
      }
    }
  }
}

/** A status as it arrives at the forge. */
function checkStatus(house: House, status: ModelStatus, violate: (text: string) => void): void {
  if (status.description.length > 140) violate(`a status of ${String(status.description.length)} characters`);
  const link = parseRunLink(status.targetUrl ?? '');
  if (link === null || (status.state !== 'success' && status.state !== 'failure')) return;
  const isTrue = executionsOf(house).some(
    ({ holding, outcome }) =>
      holding.envelope.job.id === link.jobId && outcome !== null && verdictStateOf(outcome) === status.state,
  );
  if (!isTrue) violate(`${status.context} reported ${status.state}, but nothing ended so (R10)`);
  const row = jobRows(house).find((job) => job.id === link.jobId);
  const outcome = outcomeOf(row?.outcome ?? null);
  if (row?.generation === link.generation && outcome?.kind === 'canceled' && status.state === 'success') {
    // A post that left before the cancel may arrive after it; it must not stand (checked at the end).
    house.world.note('CHECK', () => `late success of canceled ${row.id}`);
  }
}

/** When all is quiet: every promise is kept. */
function checkEnd(house: House, violate: (text: string) => void): void {
  const { forge, server, world } = house;
  const jobs = jobRows(house);
  const attempts = attemptRows(house);
  const executions = new Map(executionsOf(house).map((execution) => [execution.holding.nonce, execution]));

  for (const job of jobs) {
    const outcome = outcomeOf(job.outcome);
    if (job.state !== 'ended') violate(`job ${job.context} ${job.id} never ended: ${job.state}`);
    if (outcome?.kind === 'broken' && outcome.cause === 'poison')
      violate(`job ${job.id} was poisoned by being handed round (R2)`);
    const mine = attempts.filter((attempt) => attempt.job_id === job.id);
    const accepted = mine.filter((attempt) => attempt.is_accepted === 1 && attempt.generation === job.generation);
    if (accepted.length > 1) violate(`job ${job.id} has ${String(accepted.length)} accepted verdicts (R4)`);
    for (const attempt of mine.filter((one) => one.is_accepted === 1)) {
      const execution = executions.get(attempt.nonce);
      if (JSON.stringify(execution?.outcome) !== attempt.outcome)
        violate(`the accepted verdict of ${job.id} is not what happened (R10)`);
    }
    if (outcome !== null && isVerdict(outcome) && accepted[0]?.outcome !== job.outcome)
      violate(`job ${job.id} has a verdict that no attempt of its generation brought (R1, R4)`);
    if (mine.some((attempt) => attempt.n > 12))
      violate(`job ${job.id} was tried ${String(Math.max(...mine.map((attempt) => attempt.n)))} times`);
    const twins = jobs.filter(
      (other) =>
        other.sha === job.sha &&
        other.context === job.context &&
        other.occasion === job.occasion &&
        baseOf(other) === baseOf(job),
    );
    if (twins.length > 1) violate(`${job.context} was queued ${String(twins.length)} times for one occasion (R12)`);
    if (![...forge.places.values()].some((place) => place.headSha === job.sha) && !knownSha(house, job.sha))
      violate(`job ${job.id} is about a commit that nobody pushed (R10)`);
  }

  for (const [nonce, execution] of executions) {
    const isRemembered = server.lostLedgerAt === null || (execution.endedAt ?? 0) > server.lostLedgerAt;
    if (!execution.isFinalSpooled || execution.outcome === null || !isVerdict(execution.outcome) || !isRemembered)
      continue;
    const attempt = attempts.find((row) => row.nonce === nonce);
    if (attempt?.outcome !== JSON.stringify(execution.outcome))
      violate(`the result of ${nonce} on ${execution.worker} was lost (R5)`);
  }

  for (const worker of house.workers) {
    if (worker.host.running().length > 0) violate(`${worker.host.name} still runs something`);
    if (worker.host.spooled() > 0) violate(`${worker.host.name} still has results to send`);
  }

  for (const place of forge.places.values()) {
    const mayRun = place.isTrusted || forge.approvedShas.has(place.headSha);
    const ran = [...executions.values()].filter(
      ({ holding: { envelope } }) =>
        envelope.job.subject.sha === place.headSha && envelope.job.subject.pull === place.pull,
    );
    if (!mayRun && ran.length > 0) violate(`a stranger's commit ran without approval on ${place.key}`);
    for (const request of place.requests)
      if (place.isOpen && !request.isDone) violate(`the request ${request.id} (${request.kind}) was forgotten`);
    const hasApproval = place.requests.some((request) => request.kind === 'approve' && request.sha === place.headSha);
    if (place.isOpen && !place.isTrusted && hasApproval && !mayRun)
      violate(`the approval of ${place.key} was forgotten (R11)`);
    if (!place.isOpen || !mayRun) continue;
    for (const context of house.contexts) checkShown(house, place.headSha, context, jobs, violate);
  }
  world.note(
    'CHECK',
    () => `${String(jobs.length)} jobs, ${String(attempts.length)} attempts, ${String(executions.size)} executions`,
  );
}

/** A wanted check of an open change: judged, and shown as judged. */
function checkShown(
  house: House,
  sha: string,
  context: string,
  jobs: readonly JobRow[],
  violate: (text: string) => void,
): void {
  const status = house.forge.statuses.get(`${sha} ${context}`);
  const link = parseRunLink(status?.targetUrl ?? '');
  if (status === undefined || link === null) {
    violate(`${context} at ${sha.slice(0, 6)} has no status`);
    return;
  }
  const job = jobs.find((row) => row.id === link.jobId);
  if (job === undefined) {
    // Judged in an earlier ledger's life: the forge remembers it.
    if (house.server.ledgerLosses === 0 || status.state === 'pending')
      violate(`${context} at ${sha.slice(0, 6)} shows a job that is unknown`);
    return;
  }
  const outcome = outcomeOf(job.outcome);
  const isNoVerdict = outcome?.kind === 'canceled' && (outcome.reason === 'superseded' || outcome.reason === 'closed');
  if (isNoVerdict && job.occasion === 'change')
    violate(`${context} at ${sha.slice(0, 6)} is wanted but ${outcome.reason} (R13)`);
  if (status.state !== verdictStateOf(outcome))
    violate(`${context} at ${sha.slice(0, 6)} shows ${status.state}, the ledger says ${outcome?.kind ?? job.state}`);
}

/** What the forge already showed as judged is not run to a verdict again. */
function checkRepeats(
  house: House,
  finals: ReadonlyMap<string, { readonly at: number }>,
  violate: (text: string) => void,
): void {
  for (const { holding, startedAt, endedAt, outcome, worker } of executionsOf(house)) {
    const { job, generation } = holding.envelope;
    if (outcome === null || !isVerdict(outcome) || endedAt === null) continue;
    for (let earlier = 1; earlier <= generation; earlier += 1) {
      const final = finals.get(`${job.id}.${String(earlier)}`);
      if (final === undefined || startedAt - final.at < 10_000 || endedAt - startedAt < overlapBoundMs) continue;
      violate(`${job.context} ${job.id} ran again on ${worker} after its verdict stood on the forge (R9, R11)`);
    }
  }
}

function baseOf(job: JobRow): string {
  return (JSON.parse(job.body) as { subject: { baseRef: string } }).subject.baseRef;
}

function knownSha(house: House, sha: string): boolean {
  return house.forge.pushedShas.has(sha);
}

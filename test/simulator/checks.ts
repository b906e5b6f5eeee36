import type { Database } from '../../src/base/sqlite.ts';
import { isVerdict } from '../../src/core/outcome.ts';
import { parseRunLink } from '../../src/core/run-link.ts';
import { overtimeMs } from '../../src/dispatch/overtime.ts';
import { verdictStateOf } from '../../src/decide/verdict-state.ts';
import { checkEnd, checkRepeats } from './checks-at-end.ts';
import { checkDecision } from './checks-of-decisions.ts';
import { checkPeople } from './checks-of-people.ts';
import type { ModelStatus } from './forge-model.ts';
import type { Execution } from './host-model.ts';
import { jobTimeoutMs } from './model-processes.ts';
import { attemptRows, executionsOf, outcomeOf, overlapBoundMs, type House, type JobRow } from './house.ts';

/** A worker that was well for a beat and the way of its message cannot be silent: before it, it had a fresh minute (ms). */
const wellBoundMs = 25_000;
const watchPeriodMs = 3_000;

/** Watches the house while it runs; each broken promise is said once. */
export function watchHouse(house: House): {
  readonly violations: readonly string[];
  finish(): void;
  /** What became of endless jobs, and of attempts that were given up and ended all the same, one word each. */
  late(): readonly string[];
} {
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
  const ends = new Map<string, End>();
  let losses = 0;
  let seen: {
    readonly database: Database;
    readonly commits: number;
    readonly owners: ReadonlyMap<string, string>;
  } | null = null;
  const finals = new Map<string, { state: string; losses: number; at: number }>();

  server.onDecision = (decision) => {
    checkDecision(house, decision, violate);
  };
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
      const { database } = server;
      // What only the ledger can break was looked at when it last changed.
      if (seen?.database !== database || seen.commits !== database.commits) {
        seen = { database, commits: database.commits, owners: ownersOf(house) };
        watchLost(house, knownLost, violate);
        if (losses !== server.ledgerLosses) ends.clear();
        losses = server.ledgerLosses;
        watchEnds(house, ends, violate);
        watchVerdicts(house, violate);
        watchDepth(house, violate);
        watchTwins(house, violate);
      }
      watchOverlap(house, seen.owners, badSince, violate);
    }
    world.at(watchPeriodMs, look);
  };
  world.at(watchPeriodMs, look);

  return {
    violations,
    late: () => [
      ...executionsOf(house).flatMap((one) => (one.isEndless ? [endOfEndless(one)] : [])),
      ...attemptRows(house).flatMap(({ nonce, outcome, is_accepted }) => {
        const end = outcomeOf(outcome);
        if (!knownLost.has(nonce) || end === null || !isVerdict(end)) return [];
        return [is_accepted === 1 ? 'given up, result counted' : 'given up, result too late'];
      }),
    ],
    finish() {
      checkEnd(house, violate);
      checkRepeats(house, finals, violate);
      checkPeople(house, violate);
      for (const { host } of house.workers)
        for (const nonce of host.ungranted) violate(`${nonce} began on ${host.name} without its grant (R2)`);
      for (const failure of [...server.failures, ...house.workers.flatMap((worker) => worker.failures)])
        violate(failure);
    },
  };
}

/** Called off, given up in time, or with its machine; or, as it should be now and then, by the rule of overtime. */
function endOfEndless({ startedAt, endedAt }: Execution): string {
  return isOvertime((endedAt ?? Infinity) - startedAt) ? 'endless, ended overtime' : 'endless, ended';
}

/** It counts from the claim, before a minute of waiting for a grant, by the server's clock, which is up to a thousandth too fast. */
function isOvertime(tookMs: number): boolean {
  return tookMs + 90_000 > jobTimeoutMs + overtimeMs;
}

/** Which job each holding owns, by nonce. */
function ownersOf({ server }: House): ReadonlyMap<string, string> {
  return new Map(
    server.database.read((sql) =>
      sql
        .all<{ nonce: string; job_id: string }>(
          `SELECT a.nonce, a.job_id FROM attempts a JOIN jobs j ON j.id = a.job_id AND j.generation = a.generation AND j.n = a.n
           WHERE a.state = 'live' AND a.is_owner = 1 AND j.state = 'running'`,
        )
        .map((row) => [row.nonce, row.job_id]),
    ),
  );
}

/** The broker holds no more of a class than its workers will soon take (R8). */
function watchDepth({ server, workers }: House, violate: (text: string) => void): void {
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const queues = server.database.read((sql) =>
    sql.all<{ n: number }>(`SELECT COUNT(*) AS n FROM attempts WHERE state = 'offered' GROUP BY queue`),
  );
  const offered = Math.max(0, ...queues.map((queue) => queue.n));
  if (offered > 2 * slots) violate(`${String(offered)} jobs offered in one queue for ${String(slots)} slots (R8)`);
}

/** What waits or runs is not queued a second time; a slot of a schedule runs for itself, and a lost ledger cannot know. */
function watchTwins({ server }: House, violate: (text: string) => void): void {
  if (server.ledgerLosses > 0) return;
  // Cheaply first: hardly ever do two wait or run for one status.
  const twins = server.database.read((sql) =>
    sql.get(
      `SELECT 1 FROM jobs WHERE state <> 'ended' AND occasion NOT LIKE 'schedule:%' GROUP BY context, sha HAVING COUNT(*) > 1`,
    ) === undefined
      ? []
      : sql.all<{ context: string; sha: string }>(
          `SELECT context, sha FROM jobs WHERE state <> 'ended' AND occasion NOT LIKE 'schedule:%'
       GROUP BY context, sha, json_extract(body, '$.subject.baseRef'), json_extract(body, '$.isTrusted') HAVING COUNT(*) > 1`,
        ),
  );
  for (const { context, sha } of twins) violate(`${context} at ${sha.slice(0, 6)} is queued twice at once`);
}

/** Somebody runs what the ledger does not want him to run, although everybody can hear each other; or more than he has room for. */
function watchOverlap(
  house: House,
  owners: ReadonlyMap<string, string>,
  badSince: Map<string, number>,
  violate: (text: string) => void,
): void {
  const { world, server } = house;
  const isServerWell = server.isReady && server.connection?.isUp() === true;
  for (const [nonce, jobId] of owners) {
    if ([...owners].some(([other, job]) => job === jobId && other !== nonce))
      violate(`two own ${jobId} in the ledger (R2)`);
  }
  const owned = new Set<string>();
  const running = new Set<string>();
  for (const worker of house.workers) {
    const executions = worker.host.running();
    if (executions.length > worker.slots)
      violate(`${worker.host.name} runs ${String(executions.length)} jobs in ${String(worker.slots)} slots (R2)`);
    for (const execution of executions) {
      const { nonce } = execution.holding;
      const jobId = owners.get(nonce);
      running.add(nonce);
      // Of two owners only one can be right.
      const isWanted = jobId !== undefined && !owned.has(jobId);
      if (jobId !== undefined) owned.add(jobId);
      if (isWanted || !isServerWell || worker.healthySince === null) {
        badSince.delete(nonce);
        continue;
      }
      const since = Math.max(badSince.get(nonce) ?? world.now, worker.healthySince);
      badSince.set(nonce, since);
      if (world.now - since > overlapBoundMs) {
        violate(
          `${execution.holding.envelope.job.context} ${nonce} runs on ${worker.host.name} although nobody wants it to (R1, R2, R14)`,
        );
      }
    }
  }
  for (const nonce of badSince.keys()) if (!running.has(nonce)) badSince.delete(nonce);
}

/** The last end of a job that was seen. */
interface End {
  readonly generation: number;
  readonly outcome: string;
}

/** An end is an end, within its generation (R4, R13, R14). */
function watchEnds(house: House, ends: Map<string, End>, violate: (text: string) => void): void {
  // Without the long bodies of `jobRows`.
  const rows = house.server.database.read((sql) =>
    sql.all<Pick<JobRow, 'id' | 'generation' | 'outcome'>>('SELECT id, generation, outcome FROM jobs'),
  );
  for (const { id, generation, outcome } of rows) {
    const before = ends.get(id);
    if (before?.outcome === outcome && before.generation === generation) continue;
    if (before !== undefined && (before.generation > generation || before.generation === generation))
      violate(
        `the end of ${id}.${String(before.generation)} was ${before.outcome}, and became ${String(outcome)} (R4, R13, R14)`,
      );
    if (outcome !== null) ends.set(id, { generation, outcome });
  }
}

/** The first verdict of any attempt of the generation closes the job, also of one that was given up (R4). */
function watchVerdicts(house: House, violate: (text: string) => void): void {
  const open = house.server.database.read((sql) =>
    sql.all<{ id: string; nonce: string; outcome: string }>(
      `SELECT j.id, a.nonce, a.outcome FROM jobs j JOIN attempts a ON a.job_id = j.id AND a.generation = j.generation
       WHERE j.state <> 'ended' AND j.is_exclusive = 0 AND a.state = 'ended' AND a.outcome IS NOT NULL`,
    ),
  );
  for (const { id, nonce, outcome } of open) {
    const end = outcomeOf(outcome);
    if (end !== null && isVerdict(end)) violate(`${id} goes on although ${nonce} brought a verdict (R4)`);
  }
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
        house.world.now - Math.max(since, execution.startedAt) > wellBoundMs &&
        !(execution.isEndless && isOvertime(house.world.now - execution.startedAt))
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
  const row = house.server.database.read((sql) =>
    sql.get<Pick<JobRow, 'id' | 'generation' | 'outcome'>>(
      'SELECT id, generation, outcome FROM jobs WHERE id = ?',
      link.jobId,
    ),
  );
  const outcome = outcomeOf(row?.outcome ?? null);
  if (row?.generation === link.generation && outcome?.kind === 'canceled' && status.state === 'success') {
    // A post that left before the cancel may arrive after it; it must not stand (checked at the end).
    house.world.note('CHECK', () => `late success of canceled ${row.id}`);
  }
}

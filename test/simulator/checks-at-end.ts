import type { Job } from '../../src/core/job.ts';
import { isNoVerdict, isVerdict } from '../../src/core/outcome.ts';
import { isSkipLink, parseRunLink } from '../../src/core/run-link.ts';
import { verdictStateOf } from '../../src/decide/verdict-state.ts';
import { isApprovedHere, isSurelySaid } from './checks-of-people.ts';
import { overtimeMs } from '../../src/dispatch/overtime.ts';
import { jobTimeoutMs } from './model-processes.ts';
import { attemptRows, executionsOf, hostileForMs, jobRows, outcomeOf, type House, type JobRow } from './house.ts';

/** The last beat, the look for silence, and the stop (ms); and who was away may be heard late. */
const overtimeSlackMs = 90 * 60_000;

/** When all is quiet: every promise is kept. */
export function checkEnd(house: House, violate: (text: string) => void): void {
  const { forge, server, world } = house;
  const jobs = jobRows(house);
  const attempts = attemptRows(house);
  const executions = new Map(executionsOf(house).map((execution) => [execution.holding.nonce, execution]));

  for (const job of jobs) {
    const outcome = outcomeOf(job.outcome);
    if (job.state !== 'ended') violate(`job ${job.context} ${job.id} never ended: ${job.state}`);
    if (outcome?.kind === 'broken' && outcome.cause === 'poison' && job.context !== house.poisonous)
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
        askedOf(other) === askedOf(job),
    );
    if (twins.length > 1) violate(`${job.context} was queued ${String(twins.length)} times for one occasion (R12)`);
    if (![...forge.places.values()].some((place) => place.headSha === job.sha) && !knownSha(house, job.sha))
      violate(`job ${job.id} is about a commit that nobody pushed (R10)`);
  }

  for (const [nonce, execution] of executions) {
    const { seenAt } = execution;
    if (seenAt === null || execution.outcome === null || !isVerdict(execution.outcome)) continue;
    // A kill within the moment of keeping it, or a ledger that was lost with it, excuses.
    const worker = house.workers.find((one) => one.host.name === execution.worker);
    if (worker?.isGone === true) continue;
    const kills = worker?.host.kills ?? [];
    if (kills.some((at) => at >= seenAt && at < seenAt + 1_000)) continue;
    if (server.lostLedgerAt !== null && seenAt < server.lostLedgerAt) continue;
    const attempt = attempts.find((row) => row.nonce === nonce);
    // A second copy of an order whose first was judged before anybody here heard of the second: by then whoever brings a result
    // could have read the order in the store (R10), the job lacks nothing, and the copy's record is in the store. The same where the
    // job had been called off, and one copy had ended when the other's claim was applied.
    const { envelope } = execution.holding;
    const isOverByAnother = attempts.some(
      (row) =>
        (row.is_accepted === 1 || (server.lateClaims.has(nonce) && row.outcome !== null)) &&
        row.job_id === envelope.job.id &&
        row.generation === envelope.generation &&
        row.n === envelope.n,
    );
    if (attempt === undefined && isOverByAnother) continue;
    if (attempt?.outcome !== JSON.stringify(execution.outcome))
      violate(`the result of ${nonce} on ${execution.worker} was lost (R5)`);
  }

  for (const { holding, worker, startedAt, endedAt } of executions.values()) {
    // Nothing but itself restarts the server after the adversary left, and every restart begins to count anew.
    const limitMs = jobTimeoutMs + overtimeMs + overtimeSlackMs;
    if ((endedAt ?? world.now) - Math.max(startedAt, hostileForMs) > limitMs)
      violate(`${holding.nonce} went on at ${worker} long after its time limit (overtime)`);
  }

  for (const worker of house.workers) {
    if (worker.host.running().length > 0) violate(`${worker.host.name} still runs something`);
    if (!worker.isGone && worker.host.unsealed() > 0) violate(`a log on ${worker.host.name} was never sealed (R5)`);
    if (!worker.isGone && worker.host.spooled() > 0) violate(`${worker.host.name} still has results to send`);
  }

  for (const place of forge.places.values()) {
    const mayRun = place.isTrusted || forge.approvedShas.has(place.headSha);
    const ran = [...executions.values()].filter(
      ({ holding: { envelope } }) =>
        envelope.job.subject.sha === place.headSha && envelope.job.subject.pull === place.pull,
    );
    if (!mayRun && !place.wasTrusted && ran.length > 0)
      violate(`a stranger's commit ran without approval on ${place.key}`);
    for (const { id, kind } of place.requests)
      if (place.isOpen && !forge.answers.has(id)) violate(`the request ${id} (${kind}) was forgotten`);
    const hasApproval = place.requests.some(
      (request) => request.kind === 'approve' && isSurelySaid(forge, request) && request.sha === place.headSha,
    );
    if (place.isOpen && !place.isTrusted && hasApproval && !mayRun)
      violate(`the approval of ${place.key} was forgotten (R11)`);
    if (place.isOpen && forge.isDoubtful(place)) violate(`nobody heard what is said of the people of ${place.key} now`);
    if (!place.isOpen || !mayRun || place.labels.has('no-test')) continue;
    if (!place.isTrusted && !isApprovedHere(forge, place)) continue;
    for (const context of house.contexts)
      if (!house.policy.removed.has(context)) checkShown(house, place.headSha, context, jobs, violate);
  }
  for (const { sha, context, state, targetUrl } of forge.statuses.values()) {
    const link = parseRunLink(targetUrl ?? '');
    const job = jobs.find((row) => row.id === link?.jobId);
    if (state !== 'pending' || job?.state !== 'ended') continue;
    // An older word that came after the end stands where no place is at this commit any more: nobody looks there (decision 0011).
    const isToldBefore = forge.history.some(
      (said) =>
        said.sha === sha &&
        said.context === context &&
        said.state !== 'pending' &&
        parseRunLink(said.targetUrl ?? '')?.jobId === job.id,
    );
    const isHead = [...forge.places.values()].some(({ isOpen, headSha }) => isOpen && headSha === sha);
    // What is in doubt is kept in memory: a server that dies forgets it, and looks only where places are.
    if (isHead || (!isToldBefore && server.deaths === 0))
      violate(`${context} at ${sha.slice(0, 6)} shows pending for ever, although its job ended (R4)`);
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
  // Whether somebody may have skipped it is looked at where people are.
  if (isSkipLink(status?.targetUrl ?? '')) return;
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
  if (outcome?.kind === 'canceled' && isNoVerdict(outcome) && job.occasion === 'change')
    violate(`${context} at ${sha.slice(0, 6)} is wanted but ${outcome.reason} (R13)`);
  if (status.state !== verdictStateOf(outcome))
    violate(`${context} at ${sha.slice(0, 6)} shows ${status.state}, the ledger says ${outcome?.kind ?? job.state}`);
}

/** What was judged, and known to be judged outside the ledger, is not judged again. */
export function checkRepeats(
  house: House,
  finals: ReadonlyMap<string, { readonly at: number }>,
  violate: (text: string) => void,
): void {
  const accepted = new Set(attemptRows(house).flatMap((row) => (row.is_accepted === 1 ? [row.nonce] : [])));
  const lostAt = house.server.lostLedgerAt;
  for (const { holding, preparedAt, startedAt, outcome } of executionsOf(house)) {
    const { job, generation } = holding.envelope;
    if (outcome === null || !isVerdict(outcome) || !accepted.has(holding.nonce)) continue;
    if (house.forge.disturbedShas.has(job.subject.sha)) continue;
    const records =
      lostAt === null || preparedAt < lostAt
        ? []
        : house.store.recorded.filter(
            ({ record, at }) =>
              record.envelope.job.id === job.id &&
              record.nonce !== holding.nonce &&
              isVerdict(record.outcome) &&
              at < lostAt,
          );
    // A second copy of the order that was judged (the answer to the broker had been lost) began when the ledger was lost, too, and
    // nobody was there, and the store has lost the first one's record: the forge names no holding, so whoever comes back cannot know
    // that it is not the one that was shown (decision 0011). What a server offers again has another generation, or comes later.
    const isLostCopy =
      records.length === 0 &&
      lostAt !== null &&
      startedAt >= lostAt &&
      startedAt < (house.server.backAt ?? Number.POSITIVE_INFINITY);
    for (let earlier = 1; earlier <= generation; earlier += 1) {
      const final = finals.get(`${job.id}.${String(earlier)}`);
      if (final === undefined || final.at >= startedAt || (isLostCopy && earlier === generation)) continue;
      violate(`${job.context} ${job.id} was judged again after its verdict stood on the forge (R11)`);
    }
    if (records.length > 0) violate(`${job.context} ${job.id} was judged again although the store had its result (R9)`);
  }
}

function askedOf(job: JobRow): string {
  const { subject, isTrusted } = JSON.parse(job.body) as Job;
  return `${subject.baseRef} ${String(isTrusted)}`;
}

function knownSha(house: House, sha: string): boolean {
  return house.forge.pushedShas.has(sha);
}

import { scheduleOccasion } from '../../src/core/forge-event.ts';
import type { PersonRequest } from '../../src/core/request.ts';
import { isSkipLink } from '../../src/core/run-link.ts';
import { helper, stranger, type ForgeModel, type ModelPlace } from './forge-model.ts';
import { executionsOf, jobRows, outcomeOf, type House, type JobRow } from './house.ts';

type Violate = (text: string) => void;

/** What people said came true, and only what was said, by those who may, about what was there. */
export function checkPeople(house: House, violate: Violate): void {
  const jobs = jobRows(house);
  checkApprovals(house, violate);
  checkSkips(house, violate);
  checkStrangers(house, jobs, violate);
  checkRequests(house, jobs, violate);
  checkSlot(house, jobs, violate);
}

/** The request speaks of this commit: by its name, or because it was there before anybody spoke. */
function isAbout({ sha, askedAt = 0 }: PersonRequest, place: ModelPlace, commit: string): boolean {
  const since = place.headAt.get(commit);
  if (since === undefined) return false;
  return sha === null ? since < askedAt : commit.startsWith(sha);
}

/** Whose word is behind an approval or a skip of this commit; it counts at every place that has it. */
function isSaid(forge: ForgeModel, kind: 'approve' | 'skip', commit: string, context?: string): boolean {
  return [...forge.places.values()].some((place) => isSaidAt(place, kind, commit, context));
}

function isSaidAt(place: ModelPlace, kind: 'approve' | 'skip', commit: string, context?: string): boolean {
  return place.requests.some(
    (request) =>
      request.kind === kind &&
      request.isRefused !== true &&
      (context === undefined || request.contexts.includes(context)) &&
      (request.sha === commit || isAbout(request, place, commit)),
  );
}

/**
 * Somebody approved the head below this very pull request. What is said below another one with the same commit is heard at the
 * next look, and a place where nothing moves is looked at rarely.
 */
export function isApprovedHere(forge: ForgeModel, place: ModelPlace): boolean {
  const requests = place.requests.filter((request) => isSurelySaid(forge, request));
  return isSaidAt({ ...place, requests }, 'approve', place.headSha);
}

/** By somebody who may, whenever it is heard. */
export function isSurelySaid(forge: ForgeModel, { by, isRefused }: PersonRequest): boolean {
  return isRefused !== true && (by !== helper || forge.isHelperTrusted);
}

/** An approval never covers a commit that was pushed after it, and none that was answered is forgotten. */
function checkApprovals(house: House, violate: Violate): void {
  const { forge } = house;
  for (const sha of forge.approvedShas) {
    if (!isSaid(forge, 'approve', sha)) violate(`nobody approved ${sha.slice(0, 6)}, and it is approved`);
  }
  for (const { holding } of executionsOf(house)) {
    const { subject, isTrusted } = holding.envelope.job;
    if (!isTrusted && !isSaid(forge, 'approve', subject.sha))
      violate(`a stranger's commit ${subject.sha.slice(0, 6)} ran, and nobody approved it`);
  }
  for (const place of forge.places.values()) {
    for (const request of place.requests) {
      if (request.kind !== 'approve' || forge.answers.get(request.id) !== 'done') continue;
      if (![...forge.approvedShas].some((sha) => sha === request.sha || isAbout(request, place, sha)))
        violate(`the approval ${request.id} was answered and is nowhere`);
    }
  }
}

/** A skip shows only where somebody said it, about this very commit: it hides no verdict of another. */
function checkSkips({ forge }: House, violate: Violate): void {
  for (const { sha, context, targetUrl } of forge.history) {
    if (isSkipLink(targetUrl ?? '') && !isSaid(forge, 'skip', sha, context))
      violate(`${context} at ${sha.slice(0, 6)} is skipped, and nobody said so`);
  }
}

/** A stranger's request changes nothing. */
function checkStrangers({ forge }: House, jobs: readonly JobRow[], violate: Violate): void {
  const refused = new Set(
    [...forge.places.values()].flatMap(({ requests }) =>
      requests.flatMap(({ id, isRefused }) => (isRefused === true ? [`request:${id}`] : [])),
    ),
  );
  for (const { context, occasion, outcome } of jobs) {
    if (refused.has(occasion)) violate(`a stranger had ${context} tested`);
    const end = outcomeOf(outcome);
    if (end?.kind === 'canceled' && end.by === stranger) violate(`a stranger canceled ${context}`);
  }
  if (forge.approvers.has(stranger)) violate('a stranger approved a commit');
  if (forge.history.some(({ description }) => description.includes(stranger))) violate('a stranger skipped a test');
  for (const place of forge.places.values()) {
    for (const { id, isRefused } of place.requests) {
      if (isRefused === true && forge.answers.get(id) === 'done') violate(`${id} was a stranger’s, and is done`);
    }
  }
}

/** A person's request makes a new job of what was judged before (R12). */
function checkRequests(house: House, jobs: readonly JobRow[], violate: Violate): void {
  const { forge, server, slot, policy } = house;
  if (server.ledgerLosses > 0) return;
  for (const place of forge.places.values()) {
    const { headSha } = place;
    const asked = place.requests.filter(({ kind, isRefused }) => kind !== 'approve' && isRefused !== true);
    const [request] = asked;
    if (!place.isOpen || !place.isTrusted || asked.length !== 1 || request === undefined) continue;
    // Asked at an earlier head, it means the one that is there when it is heard.
    if (!((place.headAt.get(headSha) ?? Infinity) < (request.askedAt ?? 0))) continue;
    if ((request.kind !== 'test' && request.kind !== 'retry') || request.isOnlyFailed === true) continue;
    if (!isSurelySaid(forge, request)) continue;
    // What the schedule runs meanwhile is not run beside it.
    if (forge.disturbedShas.has(headSha) || (slot !== null && place.pull === null)) continue;
    const judged = place.judgedAtRequest.get(request.id) ?? [];
    const occasion = `request:${request.id}`;
    for (const context of house.contexts) {
      if (policy.everRemoved.has(context)) continue;
      if (!judged.includes(context) || (request.contexts.length > 0 && !request.contexts.includes(context))) continue;
      if (!jobs.some((job) => job.sha === headSha && job.context === context && job.occasion === occasion))
        violate(`${request.id} asked for ${context} again and got nothing (R12)`);
    }
  }
}

/**
 * A slot runs exactly once; who lost the ledger in between knows only what the forge shows, and who sets clocks, nothing. A server that
 * came to its first look at the schedules only after the slot owes nothing of the past.
 */
function checkSlot({ forge, server, slot, contexts, policy }: House, jobs: readonly JobRow[], violate: Violate): void {
  const branch = [...forge.places.values()].find((place) => place.branch === 'main');
  if (slot === null || branch === undefined || server.clockSteps > 0 || server.ledgerLosses > 0) return;
  const isResumed = server.database.read((sql) =>
    sql.get(`SELECT 1 FROM deliveries WHERE event LIKE '%"kind":"schedule"%"isOnlyResumed":true%'`),
  );
  if (isResumed !== undefined) return;
  for (const context of contexts) {
    if (policy.everRemoved.has(context)) continue;
    const runs = jobs.filter((job) => job.context === context && job.occasion === scheduleOccasion(slot));
    if (runs.length !== 1) violate(`the slot ran ${context} ${String(runs.length)} times`);
    for (const { outcome } of runs) {
      const end = outcomeOf(outcome);
      if (end?.kind === 'canceled' && end.reason !== 'person') violate(`the slot's ${context} was ${end.reason}`);
    }
  }
}

import type { Action } from '../core/action.ts';
import type { PersonRequest } from '../core/request.ts';
import type { JobKnown } from '../core/snapshot.ts';
import { answers } from './answers.ts';
import { boundSha, isOpenRequest, settleApprovals } from './approvals.ts';
import { createContextFilter } from './context-filter.ts';
import { isAskedNow, isDue, isUnderway, mayRun, type Look } from './look.ts';
import { placeOrder } from './place-order.ts';
import { requestedChecks, unknownNames } from './requested-checks.ts';

/** What one command comes to: actions, and what a reaction cannot say. */
interface Carried {
  readonly actions: readonly Action[];
  readonly comments: readonly string[];
  readonly isRefused: boolean;
}

/**
 * What people asked for and what is not done yet, in their order, but approvals first: who approves and asks for tests means
 * both. All commands of one comment share its id and are answered together. Settles in `look` what it decides.
 */
export function carryOutRequests(look: Look): readonly Action[] {
  const open = look.snapshot.requests.filter(isOpenRequest);
  settleApprovals(look);
  const carried = new Map<string, Carried[]>();
  for (const request of open) {
    const result = request.isRefused === true ? refuse(look, request) : carryOut(look, request);
    const same = carried.get(request.id);
    if (same === undefined) carried.set(request.id, [result]);
    else same.push(result);
  }
  return [...carried].flatMap(([requestId, results]) => {
    const comments = [...new Set(results.flatMap(({ comments: said }) => said))];
    const done: Action = {
      kind: 'request-done',
      requestId,
      ...(results.some(({ isRefused }) => isRefused) ? { answer: 'refused' } : {}),
      ...(comments.length > 0 ? { comment: comments.join('\n\n') } : {}),
    };
    return [...results.flatMap(({ actions }) => actions), done];
  });
}

function carryOut(look: Look, request: PersonRequest): Carried {
  const { change } = look.snapshot;
  switch (request.kind) {
    case 'approve':
      return approve(look, request);
    case 'skip':
      return change.isOpen ? skip(look, request) : nothing;
    case 'cancel':
      return change.isOpen ? cancel(look, request) : nothing;
    case 'test':
    case 'retry':
      return change.isOpen && isAboutHead(look, request) ? start(look, request) : nothing;
    case 'help':
      return said(answers.help(look.checks.map(({ context }) => context)));
    case 'mistake':
      return { ...said(answers.mistake(request.text ?? '')), isRefused: true };
    default:
      return request.kind satisfies never;
  }
}

const nothing: Carried = { actions: [], comments: [], isRefused: false };

function said(...comments: readonly string[]): Carried {
  return { ...nothing, comments };
}

function refused(...comments: readonly string[]): Carried {
  return { actions: [], comments, isRefused: true };
}

/**
 * A stranger's request changes nothing. What would change nothing anyway is not worth a comment, nor is what this person was
 * told here before: the forge takes only so many words from us, and a machine that talks back would never end.
 */
function refuse({ snapshot }: Look, { id, kind, by }: PersonRequest): Carried {
  const first = snapshot.requests.find((one) => one.by === by && one.isRefused === true && isToldOff(one.kind));
  if (!isToldOff(kind) || first?.id !== id) return refused();
  return refused(answers.refused(wordOf(kind)));
}

function isToldOff(kind: PersonRequest['kind']): boolean {
  return kind !== 'help' && kind !== 'mistake';
}

function wordOf(kind: PersonRequest['kind']): string {
  return kind === 'approve' ? 'ok-to-test' : kind;
}

/** Tests mean the head, whatever it is by now, unless they name another commit. */
function isAboutHead({ headSha }: Look, { sha }: PersonRequest): boolean {
  return sha === null || headSha.startsWith(sha);
}

function unbound({ headSha }: Look, { kind, sha }: PersonRequest): Carried {
  const isOther = sha !== null && !headSha.startsWith(sha);
  return refused(isOther ? answers.notTheHead(sha, headSha) : answers.whichCommit(wordOf(kind), headSha));
}

/** Bound to its commit, an approval is worth remembering whatever became of the place meanwhile. */
function approve(look: Look, request: PersonRequest): Carried {
  const sha = boundSha(look, request);
  if (sha === null) return unbound(look, request);
  const isLate = sha !== look.headSha && request.askedAt !== undefined;
  return {
    actions: [{ kind: 'approve', sha, by: request.by, requestId: request.id }],
    comments: isLate ? [answers.approvedOther(sha, look.headSha)] : [],
    isRefused: false,
  };
}

function skip(look: Look, request: PersonRequest): Carried {
  if (boundSha(look, request) !== look.headSha) return unbound(look, request);
  const isMeant = createContextFilter(request.contexts);
  const checks = look.checks.filter((check) => isMeant(check.context));
  const sentence = `Skipped by ${request.by}${request.text === undefined ? '' : `: ${request.text}`}`;
  const actions = checks.flatMap(({ context }): Action[] => {
    const stops = stopAll(look, request, (job) => job.sha === look.headSha && job.context === context, [context]);
    look.settled.skipped.set(context, sentence);
    return [...stops, { kind: 'skip', sha: look.headSha, context, sentence }];
  });
  return {
    actions,
    comments: unknownNames(look, request.contexts),
    isRefused: checks.length === 0,
  };
}

function cancel(look: Look, request: PersonRequest): Carried {
  const { change } = look.snapshot;
  const { contexts, jobId } = request;
  // A run that is named is meant wherever it is; a schedule's goes on when the branch moves.
  if (jobId !== null) return { ...nothing, actions: stopAll(look, request, (job) => job.id === jobId, []) };
  if (!isAboutHead(look, request)) return nothing;
  const isNamed = createContextFilter(contexts);
  const isMeant = (context: string): boolean => contexts.length === 0 || isNamed(context);
  const asked = new Set([...look.settled.made.values()].filter(isMeant));
  // The author may stop the own change. That of another place with the same commit is somebody else's.
  const isHere = (job: JobKnown): boolean =>
    job.changeKey === change.key || look.answering.get(job.context)?.includes(job) === true;
  const actions = stopAll(look, request, (job) => isMeant(job.context) && isHere(job), [...asked]);
  const comments = actions.length > 0 ? [] : unknownNames(look, contexts);
  return { actions, comments, isRefused: comments.length > 0 };
}

/** Stops what waits or runs, and what an earlier command of the same decision asked for in these contexts. */
function stopAll(
  look: Look,
  { by }: PersonRequest,
  isMeant: (job: JobKnown) => boolean,
  contexts: readonly string[],
): Action[] {
  const known = look.snapshot.jobs.filter((job) => isUnderway(look, job) && isMeant(job)).map(({ id }) => id);
  const made = [...look.settled.made].filter(([id, context]) => contexts.includes(context) && !known.includes(id));
  const stops = [...known, ...made.map(([id]) => id)];
  for (const id of stops) {
    look.settled.stopped.add(id);
    look.settled.asked.delete(look.settled.made.get(id) ?? '');
    look.settled.made.delete(id);
  }
  return stops.map((jobId) => ({ kind: 'cancel', jobId, reason: 'person', by }));
}

function start(look: Look, request: PersonRequest): Carried {
  const { plan } = look.snapshot;
  if (plan.kind === 'nothing') return refused(answers.nothingToRun(plan.sentence));
  if (!mayRun(look)) {
    const isUnknown = look.snapshot.change.trust === 'unknown';
    return refused(isUnknown ? answers.unknownAuthor(look.headSha) : answers.unapproved(look.headSha));
  }
  const { checks, comments } = requestedChecks(look, request);
  // What waits or runs is never queued twice.
  const idle = checks.filter(
    ({ context }) =>
      !isAskedNow(look, context) && !(look.answering.get(context) ?? []).some((job) => isUnderway(look, job)),
  );
  const occasion = `request:${request.id}`;
  return {
    actions: idle.filter((check) => isDue(look, check, occasion)).map((check) => placeOrder(look, check, occasion)),
    comments,
    isRefused: checks.length === 0 && comments.length > 0,
  };
}

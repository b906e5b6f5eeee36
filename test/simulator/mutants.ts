/** One rule, taken out of the production code by a textual change that must still compile. */
export interface Mutant {
  /** R1 to R14, or `people` for what people may ask. */
  readonly rule: string;
  readonly name: string;
  /** Path below the repository root. */
  readonly file: string;
  /** Stands exactly once in the file (a test checks). */
  readonly find: string;
  readonly replace: string;
}

/**
 * Each rule removed, one at a time; the simulator must catch every one within 2,000 seeds (design §1). A mutant is applied
 * to the source text when it is loaded, so the product knows nothing of it.
 */
export const mutants: readonly Mutant[] = [
  {
    rule: 'R1',
    name: 'an older generation speaks for the present one',
    file: 'src/ledger/sqlite/holdings.ts',
    find: "if (key.generation !== job.generation || job.state === 'ended') return nothing;",
    replace: "if (job.state === 'ended') return nothing;",
  },
  {
    rule: 'R2',
    name: 'a slot takes what is delivered while it is taken',
    file: 'src/worker/worker-loop.ts',
    find: 'if (slot.isTaken || !mayTake()) {',
    replace: 'if (!mayTake()) {',
  },
  {
    rule: 'R2',
    name: 'a repeated claim of what is owned leaves two owners',
    file: 'src/ledger/sqlite/holdings.ts',
    find: "sql.run(\n    'UPDATE attempts SET is_owner = 0 WHERE job_id = ? AND generation = ? AND n = ?',",
    replace: "sql.run(\n    'UPDATE attempts SET is_owner = is_owner WHERE job_id = ? AND generation = ? AND n = ?',",
  },
  {
    rule: 'R2',
    name: 'what must be granted is not waited for',
    file: 'src/worker/start-granted.ts',
    find: 'const grant = await progress.grants.wait(enough.signal);',
    replace: 'const grant = await Promise.race([progress.grants.wait(enough.signal), Promise.resolve(true)]);',
  },
  {
    rule: 'R2',
    name: 'a lost grant is not asked for again',
    file: 'src/worker/grants.ts',
    find: 'if (!signal.aborted && isWanted()) ask();',
    replace: 'if (signal.aborted) ask();',
  },
  {
    rule: 'R3',
    name: 'silence counts while nobody listened',
    file: 'src/dispatch/silence.ts',
    find: 'deaf() {\n      since = null;',
    replace: 'deaf() {\n      since ??= null;',
  },
  {
    rule: 'R3',
    name: 'silence is never looked for',
    file: 'src/dispatch/silence.ts',
    find: 'if (from === null) return [];',
    replace: 'return [];',
  },
  {
    rule: 'R4',
    name: 'a later verdict replaces the first',
    file: 'src/ledger/sqlite/holdings.ts',
    find: "if (key.generation !== job.generation || job.state === 'ended') return nothing;",
    replace: 'if (key.generation !== job.generation) return nothing;',
  },
  {
    rule: 'R4',
    name: 'what somebody brings who was given up does not count',
    file: 'src/ledger/sqlite/holdings.ts',
    find: 'if (job.is_exclusive === 1 && !(isOwner && isCurrent)) return nothing;',
    replace: 'if (!(isOwner && isCurrent)) return nothing;',
  },
  {
    rule: 'R5',
    name: 'a final is sent once and not kept',
    file: 'src/worker/spool-sender.ts',
    find: '          await spool.put(message);',
    replace: '          void queue.publish(collectorQueue, { body: JSON.stringify(message) }).catch(() => undefined);',
  },
  {
    rule: 'R6',
    name: 'broker and ledger are not compared',
    file: 'src/dispatch/vanished.ts',
    find: 'if (ready + unacked >= attempts.length) continue;',
    replace: 'if (ready + unacked >= 0) continue;',
  },
  {
    rule: 'R6',
    name: 'a queue that takes no orders is left as it is',
    file: 'src/queue/amqp/deaf-queues.ts',
    find: 'return began !== undefined && clock.monotonic() - began >= afterMs;',
    replace: 'return began !== undefined && afterMs < 0;',
  },
  {
    rule: 'R7',
    name: 'an order that comes back is dropped',
    file: 'src/dispatch/collect.ts',
    find: '  await deps.ledger.deadLetter(envelope, delivery.death.reason, deps.clock.now());\n',
    replace: '',
  },
  {
    rule: 'R8',
    name: 'everything is published at once',
    file: 'src/dispatch/feed.ts',
    find: 'if (room <= 0) continue;',
    replace: '',
  },
  {
    rule: 'R9',
    name: 'a fresh ledger starts as if the broker were new',
    file: 'src/dispatch/dispatcher.ts',
    find: 'if (isRefilling) await forgetEarlierLife(signal);',
    replace: 'if (signal.aborted) return;',
  },
  {
    rule: 'R10',
    name: 'orders need no signature',
    file: 'src/core/job-envelope.ts',
    find: 'return given.length === right.length && timingSafeEqual(given, right);',
    replace: 'return given.length === right.length || timingSafeEqual(given, right);',
  },
  {
    rule: 'R11',
    name: 'what the forge remembers of judged jobs is not read',
    file: 'src/decide/standing.ts',
    find: '  if (seen === undefined) return null;\n',
    replace: '  if (look.snapshot.statuses.length >= 0 || seen === undefined) return null;\n',
  },
  {
    rule: 'R11',
    name: 'approvals are not written to the forge',
    file: 'src/report/tell-forge.ts',
    find: "if (chore.kind === 'approve') await forge.rememberApproval(chore.repo, chore.sha, chore.by, signal);",
    replace: "if (chore.kind === 'approve') await Promise.resolve();",
  },
  {
    rule: 'R12',
    name: 'the id does not follow from what is asked',
    file: 'src/core/job.ts',
    find: '    identity.occasion,\n',
    replace: '    `${identity.occasion} ${String(performance.now())}`,\n',
  },
  {
    rule: 'R12',
    name: 'the occasion makes no new job',
    file: 'src/core/job.ts',
    find: '    identity.occasion,\n',
    replace: '',
  },
  {
    rule: 'R13',
    name: 'superseded counts as a verdict',
    file: 'src/decide/look.ts',
    find: 'return isNoVerdict(known.outcome);',
    replace: "return known.context === '' && isNoVerdict(known.outcome);",
  },
  {
    rule: 'R13',
    name: 'an end that was no verdict opens again in the same generation',
    file: 'src/ledger/sqlite/decisions.ts',
    find: 'Math.max(known.generation + 1, generation),',
    replace: 'known.generation,',
  },
  {
    rule: 'R13',
    name: 'what the policy has no more goes on',
    file: 'src/decide/cancel-stale.ts',
    find: 'if (!isConfigured(look, job)) return',
    replace: "if (job.context === '') return",
  },
  {
    rule: 'R14',
    name: 'who runs what is over is not told',
    file: 'src/dispatch/collect.ts',
    find: '  await sendStops(deps, applied.stops);\n',
    replace: '',
  },
  {
    rule: 'people',
    name: 'an approval covers a commit that was pushed after it',
    file: 'src/decide/approvals.ts',
    find: 'headSince < askedAt ? headSha : null;',
    replace: 'headSince > 0 ? headSha : null;',
  },
  {
    rule: 'people',
    name: 'a stranger’s request is carried out',
    file: 'src/decide/carry-out.ts',
    find: 'const result = request.isRefused === true ?',
    replace: 'const result = request.isRefused === undefined && request.id === "" ?',
  },
  {
    rule: 'people',
    name: 'a stranger approves',
    file: 'src/decide/approvals.ts',
    find: "request.kind !== 'approve' || request.isRefused === true ||",
    replace: "request.kind !== 'approve' ||",
  },
  {
    rule: 'people',
    name: 'a skip covers a commit that was pushed after it',
    file: 'src/decide/carry-out.ts',
    find: 'if (boundSha(look, request) !== look.headSha) return unbound(look, request);',
    replace: "if (look.headSha === '') return unbound(look, request);",
  },
  {
    rule: 'people',
    name: 'what began as trusted goes on when it is trusted no more',
    file: 'src/decide/cancel-stale.ts',
    find: 'return isNotTrusted(look, job) ?',
    replace: "return job.context === '' ?",
  },
  {
    rule: 'people',
    name: 'what nobody can tell counts as a no',
    file: 'src/decide/cancel-stale.ts',
    find: "if (look.snapshot.change.trust !== 'untrusted') return false;",
    replace: "if (look.snapshot.change.trust === 'trusted') return false;",
  },
  {
    rule: 'people',
    name: 'what nobody can tell counts as a yes',
    file: 'src/decide/look.ts',
    find: 'return isTrusted(snapshot.change) || settled.approved.has(headSha);',
    replace: "return snapshot.change.trust !== 'untrusted' || settled.approved.has(headSha);",
  },
  {
    rule: 'people',
    name: 'who may ask no more still stands for a run',
    file: 'src/decide/cancel-stale.ts',
    find: 'return asked.some(({ isRefused }) => isRefused !== true);',
    replace: 'return asked.length > 0;',
  },
  {
    rule: 'people',
    name: 'what somebody asked whom nobody can tell of is carried out',
    file: 'src/decide/approvals.ts',
    find: 'return !isDone && isUnclear !== true;',
    replace: 'return !isDone;',
  },
  {
    rule: 'people',
    name: 'a place about whose people other things are said is not looked at',
    file: 'src/intake/scan.ts',
    find: '|| seen.isDoubtful === true) return false;',
    replace: ') return false;',
  },
  {
    rule: 'people',
    name: 'what runs is queued again when somebody asks',
    file: 'src/decide/carry-out.ts',
    find: '(look.answering.get(context) ?? []).some((job) => isUnderway(look, job))',
    replace: "(look.answering.get(context) ?? []).some((job) => job.sha === '')",
  },
  {
    rule: 'people',
    name: 'a push is tested beside a request that tests the same',
    file: 'src/decide/standing.ts',
    find: "if (isAskedNow(look, check.context)) return { kind: 'underway' };",
    replace: '',
  },
  {
    rule: 'R12',
    name: 'a slot runs only what was not judged yet',
    file: 'src/decide/decide-slots.ts',
    find: '&& isDue(look, check, occasion)',
    replace: '&& isDue(look, check, occasion) && !look.answering.has(check.context)',
  },
  {
    rule: 'R12',
    name: 'a push ends what a schedule asked for',
    file: 'src/decide/cancel-stale.ts',
    find: "if (job.occasion.startsWith('schedule:')) return false;",
    replace: '',
  },
];

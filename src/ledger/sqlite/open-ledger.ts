import type { Database } from '../../base/sqlite.ts';
import { defaultRetryPlan, type RetryPlan } from '../../decide/retry-plan.ts';
import type { Ledger } from '../ledger.ts';
import { applyDecision, jobsOfChange, skippedContexts } from './decisions.ts';
import { settleDays } from './finds.ts';
import { dueChores } from './chores.ts';
import { dueIssues, issueFailed, issueKept } from './issues.ts';
import {
  beginDelivery,
  endDelivery,
  knownDeliveries,
  pendingDeliveries,
  pendingPlaces,
  recordDeliveries,
  recordDelivery,
  recordUnread,
  setSweepMark,
  sweepMark,
} from './deliveries.ts';
import { endRepo, liveRepos } from './end-repo.ts';
import { createAttempt, feedView, offeredAttempts } from './feeding.ts';
import { applyBeat, applyClaimed, applyFinished } from './holdings.ts';
import { keepObstacles } from './obstacles.ts';
import { lastLook, longestUnseen, openPlaces, placesAtHead } from './places.ts';
import { parkedAfter, parkMessage, unparkMessage } from './parked-messages.ts';
import { forgetRuns, forgettableRuns, unknownRuns } from './prune.ts';
import { forgetTraces } from './prune-traces.ts';
import {
  dueReports,
  forgesToTell,
  keepWords,
  nextReportAt,
  reportFailed,
  reportPosted,
  reportRefused,
  reportSkipped,
  shownWaiting,
  untoldReports,
} from './reports.ts';
import { schedulesSeen, settleSchedule } from './schedules.ts';
import { ledgerSteps } from './schema.ts';
import { holders, wishOfWorker, workerWish } from './wishes.ts';
import { applyBye, applyDeadLetter, applyHello, applySealed, liveAttempts, loseAttempts } from './workers.ts';

/**
 * The ledger in a SQLite database that it shares with other rooms (the embedded queue). Migrates forward. Closing the
 * ledger leaves the database to whoever opened it.
 * @throws GroundcrewError `sqlite/too-new` and the others of `Database.migrate`
 */
export function openSqliteLedger(database: Database, options: { readonly retryPlan?: RetryPlan } = {}): Ledger {
  database.migrate('ledger', ledgerSteps);
  const plan = options.retryPlan ?? defaultRetryPlan;
  const read: Database['read'] = (work) => database.read(work);
  const change: Database['change'] = (work) => database.change(work);
  // Reads answer in a promise, as a ledger across a network would.
  const readLater = <T>(work: Parameters<typeof read<T>>[0]): Promise<T> =>
    new Promise((resolve) => {
      resolve(read(work));
    });
  return {
    isFresh: () => readLater((sql) => sql.get(`SELECT 1 FROM meta WHERE key = 'begun'`) === undefined),
    begin: (now) =>
      change((sql) => {
        sql.run(`INSERT OR IGNORE INTO meta (key, value) VALUES ('begun', ?)`, String(now));
      }),
    recordDelivery: (delivery) => change((sql) => recordDelivery(sql, delivery)),
    recordDeliveries: (deliveries) => change((sql) => recordDeliveries(sql, deliveries)),
    recordUnread: (delivery, end) => change((sql) => recordUnread(sql, delivery, end)),
    knownDeliveries: (ids) => readLater((sql) => knownDeliveries(sql, ids)),
    sweepMark: (forge, log) => readLater((sql) => sweepMark(sql, forge, log)),
    setSweepMark: (mark) =>
      change((sql) => {
        setSweepMark(sql, mark);
      }),
    settleDays: (now) =>
      change((sql) => {
        settleDays(sql, now);
      }),
    pendingDeliveries: (limit, changeKey) => readLater((sql) => pendingDeliveries(sql, limit, changeKey ?? null)),
    pendingPlaces: (after, limit) => readLater((sql) => pendingPlaces(sql, after, limit)),
    beginDelivery: (id) => change((sql) => beginDelivery(sql, id)),
    forgiveDelivery: (id) =>
      change((sql) => {
        sql.run('UPDATE deliveries SET tries = tries - 1 WHERE id = ? AND tries > 0', id);
      }),
    endDelivery: (id, end, now) =>
      change((sql) => {
        endDelivery(sql, id, end.kind, end.kind === 'parked' ? end.why : null, now);
      }),
    jobsOfChange: (changeKey, headSha) => readLater((sql) => jobsOfChange(sql, changeKey, headSha)),
    approvedShas: (changeKey) =>
      readLater((sql) =>
        sql.all<{ sha: string }>('SELECT sha FROM approvals WHERE change_key = ?', changeKey).map((row) => row.sha),
      ),
    lastChange: (changeKey) => readLater((sql) => lastLook(sql, changeKey)?.change ?? null),
    lastLook: (changeKey) => readLater((sql) => lastLook(sql, changeKey)),
    skippedContexts: (forge, repo, sha) => readLater((sql) => skippedContexts(sql, forge, repo, sha)),
    openPlaces: (forge, repo) => readLater((sql) => openPlaces(sql, forge, repo)),
    liveRepos: () => readLater(liveRepos),
    endRepo: (repo, now) => change((sql) => endRepo(sql, repo, now)),
    placesAtHead: (forge, repo, sha) => readLater((sql) => placesAtHead(sql, forge, repo, sha)),
    longestUnseen: (forge, repo, before, limit) => readLater((sql) => longestUnseen(sql, forge, repo, before, limit)),
    schedulesSeen: () => readLater(schedulesSeen),
    settleSchedule: (seen, slot) => change((sql) => settleSchedule(sql, seen, slot)),
    forgetSchedule: (key) =>
      change((sql) => {
        sql.run('DELETE FROM schedules WHERE key = ?', key);
      }),
    applyDecision: (decision) => change((sql) => applyDecision(sql, decision)),
    doneRequests: (ids) =>
      readLater(
        (sql) => new Set(ids.filter((id) => sql.get('SELECT 1 FROM requests_done WHERE id = ?', id) !== undefined)),
      ),

    feedView: (now, perClass) => readLater((sql) => feedView(sql, now, perClass)),
    keepObstacles: (obstacles) =>
      change((sql) => {
        keepObstacles(sql, obstacles);
      }),
    createAttempt: (offer) => change((sql) => createAttempt(sql, offer)),
    offered: (queue) => readLater((sql) => offeredAttempts(sql, queue ?? null)),
    claimed: (message, isVouched, now) => change((sql) => applyClaimed(sql, message, isVouched, now)),
    beat: (message, isVouched, now) => change((sql) => applyBeat(sql, message, isVouched, now)),
    finished: (message, isVouched, now) => change((sql) => applyFinished(sql, message, isVouched, now, plan)),
    sealed: (message) => change((sql) => applySealed(sql, message)),
    hello: (message, vouchedFor, now) => change((sql) => applyHello(sql, message, vouchedFor, now, plan)),
    bye: (message, now) => change((sql) => applyBye(sql, message, now, plan)),
    deadLetter: (envelope, reason, now) =>
      change((sql) => {
        applyDeadLetter(sql, envelope, reason, now, plan);
      }),
    liveAttempts: () => readLater(liveAttempts),
    holders: (attempt) => readLater((sql) => holders(sql, attempt)),
    workerWish: (worker) => readLater((sql) => workerWish(sql, worker)),
    wishOfWorker: (worker, wish, by, now) => change((sql) => wishOfWorker(sql, worker, wish, by, now)),
    park: (message) => change((sql) => parkMessage(sql, message)),
    parked: (after, limit) => readLater((sql) => parkedAfter(sql, after, limit)),
    unpark: (id) =>
      change((sql) => {
        unparkMessage(sql, id);
      }),
    lose: (attempts, now) =>
      change((sql) => {
        loseAttempts(sql, attempts, now, plan);
      }),

    forgesToTell: () => readLater(forgesToTell),
    dueReports: (now, limit, forge) => readLater((sql) => dueReports(sql, now, limit, forge)),
    untoldReports: (now, limit, forge) => readLater((sql) => untoldReports(sql, now, limit, forge)),
    reportPosted: (report, said, now) =>
      change((sql) => {
        reportPosted(sql, report, said, now);
      }),
    keepWords: (at, shown) =>
      change((sql) => {
        keepWords(sql, at, shown);
      }),
    reportSkipped: (report) =>
      change((sql) => {
        reportSkipped(sql, report);
      }),
    reportFailed: (report, nextTryAt) =>
      change((sql) => {
        reportFailed(sql, report, nextTryAt);
      }),
    reportRefused: (report, why, now) =>
      change((sql) => {
        reportRefused(sql, report, why, now);
      }),
    shownWaiting: (forge, postedBefore, after, limit) =>
      readLater((sql) => shownWaiting(sql, forge, { postedBefore, after, limit })),
    nextReportAt: (forge) => readLater((sql) => nextReportAt(sql, forge)),
    dueChores: (now, limit, forge) => readLater((sql) => dueChores(sql, now, limit, forge)),
    choreDone: (chore) =>
      change((sql) => {
        sql.run('UPDATE chores SET is_done = 1 WHERE id = ?', chore.id);
      }),
    choreFailed: (chore, nextTryAt) =>
      change((sql) => {
        sql.run('UPDATE chores SET tries = tries + 1, next_try_at = ? WHERE id = ?', nextTryAt, chore.id);
      }),
    dueIssues: (now, limit, forge) => readLater((sql) => dueIssues(sql, now, limit, forge)),
    issueKept: (issue, now) =>
      change((sql) => {
        issueKept(sql, issue, now);
      }),
    issueFailed: (issue, nextTryAt) =>
      change((sql) => {
        issueFailed(sql, issue, nextTryAt);
      }),

    forgettableRuns: (endedBefore, after, limit) => readLater((sql) => forgettableRuns(sql, endedBefore, after, limit)),
    forgetRuns: (runs, endedBefore) => change((sql) => forgetRuns(sql, runs, endedBefore)),
    forgetTraces: (before, limit) => change((sql) => forgetTraces(sql, before, limit)),
    unknownRuns: (idStarts) => readLater((sql) => unknownRuns(sql, idStarts)),
    close: () => Promise.resolve(),
  };
}

import type { Job } from '../../src/core/job.ts';
import type { Decision } from '../../src/ledger/ledger.ts';
import type { House } from './house.ts';

interface Underway {
  readonly id: string;
  readonly context: string;
  readonly sha: string;
  readonly occasion: string;
  readonly body: string;
}

/**
 * Looks at a decision that was just applied, beside what the forge and the policy had said to whoever decided it. A place whose
 * author is trusted no more has nothing underway that began on that trust, unless somebody who may asked for it, or that ran
 * unapproved; one of which nobody can tell was left as it was; and nothing is underway that the policy does not have.
 */
export function checkDecision(house: House, decision: Decision, violate: (text: string) => void): void {
  const { forge, server } = house;
  const { change, actions } = decision;
  const served = forge.served.get(change.key);
  if (served === undefined) return;
  if (change.trust === 'unknown') checkUnknown(house, decision, violate);
  for (const action of actions) {
    if (action.kind !== 'request-done') continue;
    if (served.requests.some(({ id, isUnclear }) => id === action.requestId && isUnclear === true))
      violate(`${action.requestId} was answered while nobody could tell whether it may be asked`);
  }
  const planned = server.served.get(change.key);
  const isMany = change.trust === 'untrusted' || house.policy.everRemoved.size > 0;
  if (!isMany || planned === undefined || !change.isOpen) return;
  const underway = server.database.read((sql) =>
    sql.all<Underway>(
      `SELECT id, context, sha, occasion, body FROM jobs WHERE change_key = ? AND state <> 'ended'`,
      change.key,
    ),
  );
  for (const { id, context, sha, occasion, body } of underway) {
    if (!planned.includes(context)) violate(`${context} ${id} goes on although the policy has it no more (R13)`);
    if (change.trust !== 'untrusted') continue;
    const { isTrusted } = JSON.parse(body) as Job;
    if (!isTrusted && (forge.approvedShas.has(sha) || isApprovedIn(house, change.key, sha))) continue;
    const asked = served.requests.find(({ id: request }) => occasion === `request:${request}`);
    if (asked !== undefined && asked.isRefused !== true) continue;
    violate(`${context} ${id} goes on although ${change.key} is trusted no more`);
  }
}

function checkUnknown(house: House, { change, actions }: Decision, violate: (text: string) => void): void {
  for (const action of actions) {
    if (action.kind === 'cancel' && action.reason === 'untrusted')
      violate(`${action.jobId} was ended because nobody could tell about ${change.key}`);
    if (action.kind !== 'enqueue') continue;
    const { sha } = action.job.subject;
    const isApproved =
      house.forge.approvedShas.has(sha) ||
      isApprovedIn(house, change.key, sha) ||
      actions.some((other) => other.kind === 'approve' && other.sha === sha);
    if (action.job.isTrusted || !isApproved)
      violate(`${action.job.context} of ${change.key} was started although nobody could tell about it`);
  }
}

/** Approved here, and the forge was not told yet. */
function isApprovedIn({ server }: House, changeKey: string, sha: string): boolean {
  return server.database.read(
    (sql) => sql.get('SELECT 1 FROM approvals WHERE change_key = ? AND sha = ?', changeKey, sha) !== undefined,
  );
}

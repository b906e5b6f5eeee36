import { mkdirSync, readdirSync } from 'node:fs';
import { errorLine, GroundcrewError, type RetryAdvice } from '../base/errors.ts';
import { type Git, plain } from '../base/git.ts';
import type { GitMirrors, MirrorView, MirrorWant } from '../base/git-mirror.ts';
import type { Integration } from '../core/job.ts';
import type { FailureReason } from '../core/outcome.ts';
import type { Subject } from '../core/subject.ts';
import { integrate } from './checkout-integrate.ts';
import { createTarget, fillTarget, guardDisk, writeHead, writeTree } from './checkout-target.ts';

/** What a checkout is made with; one for the whole worker. */
export interface CheckoutTools {
  readonly git: Git;
  /** With all history, below the worker's cache directory. */
  readonly mirrors: GitMirrors;
  /** Left free on the disk, whatever the change holds. */
  readonly keepFreeBytes: number;
  /** Most private memory of one git process; 1 GiB does for a million files. */
  readonly gitMemoryBytes: number;
}

/** Which commit to put where. `targetDir` must be empty or not exist. */
export interface CheckoutOrder {
  readonly cloneUrl: string;
  readonly subject: Pick<Subject, 'sha' | 'pull' | 'branch' | 'baseRef'>;
  /** The commit that `integration` joins the change with; null: as it is. */
  readonly baseSha: string | null;
  readonly integration: Integration;
  readonly targetDir: string;
  /** A tree that takes more is the change's failure; null: not limited. */
  readonly maxBytes: number | null;
  /** Git configuration with the credentials of a private repository (`gitCredential`); never in the checkout. */
  readonly credentials?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Hears lines for the job's log. */
  readonly progress: (line: string) => void;
}

/**
 * How a checkout ended.
 * - `ready`: `testedSha` is checked out; the subject's own commit where there was nothing to join.
 * - `conflict`: only the change can mend it; `log` has the details for the job's log.
 * - `broken`: the machinery's failure. `disk` says that there was no room.
 */
export type CheckoutResult =
  | { readonly kind: 'ready'; readonly testedSha: string; readonly treeSha: string }
  | {
      readonly kind: 'conflict';
      readonly reason: Extract<FailureReason, 'merge-conflict' | 'disk-limit'>;
      readonly detail: string;
      readonly log: string;
    }
  | {
      readonly kind: 'broken';
      readonly cause: 'checkout' | 'disk';
      readonly detail: string;
      readonly retry: RetryAdvice;
    };

/**
 * Makes a plain, self-contained git checkout: no link to the cache, no hooks, no filters, detached at `testedSha`. The
 * same order gives the same `testedSha` on every worker. After the job has run in it, no git of ours may ever run there.
 * Never throws for what a remote, a disk or a change can do. Whatever the end, `targetDir` is the caller's to remove
 * (`removeTree`).
 */
export async function prepareCheckout(tools: CheckoutTools, order: CheckoutOrder): Promise<CheckoutResult> {
  try {
    mkdirSync(order.targetDir, { recursive: true, mode: 0o700 });
    if (readdirSync(order.targetDir).length > 0) {
      return { kind: 'broken', cause: 'checkout', detail: 'the checkout directory is not empty', retry: 'never' };
    }
    const first = await attempt(tools, order, false);
    if (!mayBeDamaged(first) || order.signal.aborted) return first;
    order.progress('something in the cached copy of the repository cannot be read: checking it');
    return await attempt(tools, order, true);
  } catch (error) {
    return brokenBy(error);
  }
}

async function attempt(tools: CheckoutTools, order: CheckoutOrder, isSuspect: boolean): Promise<CheckoutResult> {
  const { git } = tools;
  let view: MirrorView;
  try {
    view = await tools.mirrors.ensure(order.cloneUrl, wantsOf(order), {
      signal: order.signal,
      progress: order.progress,
      isSuspect,
      ...(order.credentials === undefined ? {} : { config: order.credentials }),
    });
  } catch (error) {
    return brokenBy(error);
  }
  const guard = guardDisk(order.targetDir, { keepFreeBytes: tools.keepFreeBytes, maxBytes: order.maxBytes });
  const signal = AbortSignal.any([order.signal, guard.signal]);
  try {
    const target = await createTarget({
      git,
      view,
      dir: order.targetDir,
      remote: order.cloneUrl,
      signal,
      memoryBytes: tools.gitMemoryBytes,
    });
    const joined = await integrate(target, order);
    if (joined.kind === 'conflict') return { ...joined, reason: 'merge-conflict' };
    if (!joined.isWritten) {
      const refusal = await writeTree(target, joined.treeSha);
      if (refusal !== null) return { kind: 'conflict', reason: 'merge-conflict', detail: refusal, log: refusal };
    }
    await fillTarget(target, { testedSha: joined.testedSha, baseSha: order.baseSha, baseRef: order.subject.baseRef });
    writeHead(target, joined.testedSha);
    await guard.measure();
    return { kind: 'ready', testedSha: joined.testedSha, treeSha: joined.treeSha };
  } catch (error) {
    const verdict = await guard.verdict();
    if (verdict === 'too-large') {
      const detail = 'the files of this commit take more room than the job may use';
      return { kind: 'conflict', reason: 'disk-limit', detail, log: detail };
    }
    if (verdict === 'disk-full') {
      return { kind: 'broken', cause: 'disk', detail: 'the disk is almost full', retry: 'later' };
    }
    return brokenBy(error);
  } finally {
    guard.stop();
  }
}

/** What must be in the cache, and the names under which the remote may show it. */
function wantsOf(order: CheckoutOrder): readonly MirrorWant[] {
  const { sha, pull, branch, baseRef } = order.subject;
  const heads = branch === null ? [] : [`refs/heads/${branch}`];
  const wants = [{ sha, refs: pull === null ? heads : [`refs/pull/${pull}/head`, ...heads] }];
  if (order.baseSha !== null && order.integration !== 'none') {
    wants.push({ sha: order.baseSha, refs: [`refs/heads/${baseRef}`] });
  }
  return wants;
}

/** Unreadable objects: a look at the cache may help where a plain retry would not. */
function mayBeDamaged(result: CheckoutResult): boolean {
  return result.kind === 'broken' && result.cause === 'checkout' && result.retry === 'now';
}

function brokenBy(error: unknown): CheckoutResult {
  const full = error as NodeJS.ErrnoException;
  const isDisk = full.code === 'ENOSPC' || full.code === 'EDQUOT' || full.code === 'git/disk-full';
  return {
    kind: 'broken',
    cause: isDisk ? 'disk' : 'checkout',
    detail: plain(errorLine(error)),
    retry: error instanceof GroundcrewError ? error.retry : 'later',
  };
}

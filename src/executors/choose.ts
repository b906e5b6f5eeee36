import type { Executor } from './executor.ts';

/** What a worker has to run jobs with: each only if its trial succeeded. */
export interface UsableExecutors {
  /** podman or docker; null when no container runs here. */
  readonly container: Executor | null;
  readonly process: Executor | null;
}

/** What to run a job in, or in one line why nothing will do. */
export type ExecutorChoice =
  | { readonly executor: Executor; readonly notice: string | null }
  | { readonly executor: null; readonly reason: string };

/**
 * A named image means containers, and is never run without them; no image means plain processes, said loudly, and
 * never for a stranger's unapproved change. `asked` is the operator's own choice (`--executor`).
 */
export function chooseExecutor(
  job: { readonly image: string | null; readonly isApproved: boolean },
  usable: UsableExecutors,
  asked: 'auto' | Executor['name'] = 'auto',
): ExecutorChoice {
  const wantsProcess = asked === 'process' || (asked === 'auto' && job.image === null);
  if (!wantsProcess) {
    if (job.image === null) {
      return { executor: null, reason: `no image is named for this job, and ${asked} needs one` };
    }
    if (usable.container === null || (asked !== 'auto' && usable.container.name !== asked)) {
      const what = asked === 'auto' ? `the image ${job.image}` : asked;
      return { executor: null, reason: `${what} needs a container engine, and none works on this machine` };
    }
    return { executor: usable.container, notice: null };
  }
  if (usable.process === null) return { executor: null, reason: 'plain processes do not work on this machine' };
  if (!job.isApproved) {
    return {
      executor: null,
      reason: 'plain processes isolate nothing: a change that nobody trusted has approved does not run in them',
    };
  }
  const why = job.image === null ? 'No image is named' : 'Asked for';
  const notice = `${why}: this job runs as plain processes of this user, isolated from NOTHING on this machine.`;
  return { executor: usable.process, notice };
}

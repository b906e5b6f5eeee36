import type { Job } from '../core/job.ts';
import type { FailureReason } from '../core/outcome.ts';
import { readContainerFile } from './container-file.ts';
import { findEntryPoint } from './entry-point.ts';

/** What to run in what, read from a fresh checkout; or why the change cannot be run. */
export type AttemptOrder =
  | { readonly kind: 'run'; readonly command: readonly string[]; readonly image: string | null }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly detail: string };

/** The job's own word first, then the repository's files, then the worker's default image. */
export async function readAttemptOrder(
  job: Pick<Job, 'command' | 'container'>,
  treeDir: string,
  defaultImage: string | null,
): Promise<AttemptOrder> {
  let { command } = job;
  if (command === null) {
    const entry = await findEntryPoint(treeDir);
    if (entry.kind !== 'command') return { kind: 'failed', reason: 'nothing-to-run', detail: entry.detail };
    command = entry.command;
  }
  if (job.container !== null) return { kind: 'run', command, image: job.container };
  const file = await readContainerFile(treeDir);
  if (file.kind === 'bad') return { kind: 'failed', reason: 'container-file', detail: file.detail };
  return { kind: 'run', command, image: file.kind === 'image' ? file.image : defaultImage };
}

import type { ObjectStore } from '../storage/object-store.ts';
import { isTransientKey, logLayout } from './log-layout.ts';

/**
 * Removes what a growing log left beside the complete one: a writer without the right to delete leaves all of it. Nothing is
 * touched while there is no complete log. The list goes before what it names, so a reader stands at no instant before a list of
 * what is gone. Returns how many objects went; twice is harmless.
 */
export async function tidyLog(store: ObjectStore, prefix: string): Promise<number> {
  let isComplete = false;
  const left: string[] = [];
  for await (const { key } of store.list(logLayout.complete(prefix))) {
    if (key === logLayout.complete(prefix)) isComplete = true;
    else if (isTransientKey(prefix, key)) left.push(key);
  }
  if (!isComplete || left.length === 0) return 0;
  const list = logLayout.chunkList(prefix);
  await store.delete(list);
  for (const key of left) if (key !== list) await store.delete(key);
  return left.length;
}

/** The same for every log in the store, as after a crash between the seal and this. Reads the whole list. */
export async function tidyLogs(store: ObjectStore, signal: AbortSignal): Promise<number> {
  let complete: string | null = null;
  let removed = 0;
  const untidy = new Set<string>();
  for await (const { key } of store.list('')) {
    if (signal.aborted) return 0;
    // `log` comes before `log.…` in the order of the bytes.
    if (key.endsWith('/log')) complete = key.slice(0, -'/log'.length);
    else if (complete !== null && isTransientKey(complete, key)) untidy.add(complete);
  }
  for (const prefix of untidy) {
    if (signal.aborted) break;
    removed += await tidyLog(store, prefix);
  }
  return removed;
}

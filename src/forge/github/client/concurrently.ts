/**
 * Does `work` for each item, at most `most` at once, and yields what comes as it comes. The first failure is thrown when those
 * that were begun have ended; nothing new is begun after it, nor after the consumer has stopped.
 */
export async function* concurrently<Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const running = new Map<number, Promise<{ readonly at: number; readonly result: Result }>>();
  let next = 0;
  try {
    while (next < items.length || running.size > 0) {
      while (next < items.length && running.size < most) {
        const at = next;
        running.set(
          at,
          work(items[at] as Item).then((result) => ({ at, result })),
        );
        next += 1;
      }
      const { at, result } = await Promise.race(running.values());
      running.delete(at);
      yield result;
    }
  } finally {
    await Promise.allSettled(running.values());
  }
}

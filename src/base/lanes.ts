/** Keeps what has one name in order, and lets what has different names go on at once. */
export interface Lanes {
  /** Runs `work` when all that came earlier under this name has ended, well or not; at once when nothing goes on. */
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when all that came before this call has ended. */
  settled(): Promise<void>;
}

export function createLanes(): Lanes {
  /** The last of each name. */
  const lanes = new Map<string, Promise<unknown>>();
  return {
    run(name, work) {
      const before = lanes.get(name);
      const running = before === undefined ? work() : before.then(work);
      const over = running.then(
        () => undefined,
        () => undefined,
      );
      lanes.set(name, over);
      void over.then(() => {
        if (lanes.get(name) === over) lanes.delete(name);
      });
      return running;
    },
    async settled() {
      await Promise.all(lanes.values());
    },
  };
}

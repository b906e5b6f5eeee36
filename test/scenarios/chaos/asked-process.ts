import type { ChildProcess } from 'node:child_process';

/** What a process of a scenario is asked, and what it answers, over the channel that Node makes between two processes. */
interface Question {
  readonly id: number;
  readonly name: string;
  readonly input: unknown;
}
type Reply = { readonly id: number; readonly output: unknown } | { readonly id: number; readonly error: string };

/** Deeds of a process by name, each with one argument. */
export type Deeds = Readonly<Record<string, (input: never) => unknown>>;

/** The same, seen from the process that asks. */
export type Asked<D extends Deeds> = <Name extends keyof D & string>(
  name: Name,
  input: Parameters<D[Name]>[0],
) => Promise<Awaited<ReturnType<D[Name]>>>;

/** Answers our parent with these deeds for as long as it lives. */
export function answerParent(deeds: Deeds): void {
  process.on('message', (question: Question) => {
    const reply = (sent: Reply): void => void process.send?.(sent);
    const { id, name, input } = question;
    Promise.resolve()
      .then(() => deeds[name]?.(input as never))
      .then(
        (output) => {
          reply({ id, output: output ?? null });
        },
        (error: unknown) => {
          reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
        },
      );
  });
  process.on('disconnect', () => process.exit(0));
}

/** Asks a child that answers with `answerParent`. A child that ends leaves nobody waiting: their questions fail. */
export function askerOf<D extends Deeds>(child: ChildProcess): Asked<D> {
  const waiting = new Map<number, { resolve: (output: unknown) => void; reject: (error: Error) => void }>();
  let asked = 0;
  child.on('message', (message) => {
    const reply = message as Reply;
    const asker = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) asker?.reject(new Error(reply.error));
    else asker?.resolve(reply.output);
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process that was asked has ended'));
    waiting.clear();
  });
  return (name, input) =>
    new Promise((resolve, reject) => {
      asked += 1;
      waiting.set(asked, { resolve: resolve as (output: unknown) => void, reject });
      child.send({ id: asked, name, input } satisfies Question, (error) => {
        if (error !== null) reject(error);
      });
    });
}

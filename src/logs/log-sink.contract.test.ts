import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { GroundcrewError } from '../base/errors.ts';
import { logSinkClauses, type SinkUnderTest } from './log-sink.contract.ts';
import type { LogSink } from './log-sink.ts';

type Mood = 'failing' | 'hanging' | 'working';

/** What a sink made for the test may look at and set. */
interface Backend {
  mood: Mood;
  bytes: Buffer;
  isComplete: boolean;
}

type Make = (file: string, onTrouble: (error: unknown) => void, backend: Backend) => LogSink;

function underTest(make: Make): SinkUnderTest {
  const backend: Backend = { mood: 'working', bytes: Buffer.alloc(0), isComplete: false };
  return {
    open: (file, onTrouble) => make(file, onTrouble, backend),
    held: async () => ({ bytes: backend.bytes, isComplete: backend.isComplete }),
    behave: (mood) => (backend.mood = mood),
  };
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** The simplest sink that keeps the contract: does nothing until the seal. Each fault changes one thing of it. */
function sealing(fault: string): Make {
  return (file, onTrouble, backend) => {
    let hasTold = false;
    return {
      grew: () => {
        if (fault === 'throws from grew' && backend.mood === 'failing') throw new Error('503');
        if (fault === 'completes early') backend.isComplete = true;
      },
      seal: async (total, signal) => {
        const content = await readFile(file);
        const isRight = createHash('sha256').update(content).digest('hex') === total.sha256;
        if (!isRight && fault !== 'seals anything') throw new GroundcrewError('logs/seal-mismatch', 'another file');
        while (backend.mood !== 'working') {
          if (signal.aborted && fault !== 'never gives up') throw new GroundcrewError('logs/seal-aborted', 'later');
          if (backend.mood === 'failing' && (!hasTold || fault === 'tells every failure')) onTrouble(new Error('503'));
          hasTold = true;
          if (fault === 'gives up at once') throw new Error('503');
          await pause();
        }
        backend.bytes = content;
        if (fault === 'loses the last byte') backend.bytes = content.subarray(0, -1);
        if (fault === 'appends when it seals again' && backend.isComplete)
          backend.bytes = Buffer.concat([content, content]);
        backend.isComplete = fault !== 'never completes an empty log' || content.length > 0;
      },
    };
  };
}

test('a sink that does all at the seal keeps the contract', async (context) => {
  for (const { prove } of logSinkClauses) await prove(underTest(sealing('none')), context);
});

const noticed: readonly (readonly [fault: string, clause: string])[] = [
  ['loses the last byte', 'a sealed log is the file, byte for byte'],
  ['never completes an empty log', 'an empty log can be sealed'],
  ['completes early', 'a log is not said to be complete before it is sealed'],
  ['throws from grew', 'grew neither throws nor waits, and trouble is told once'],
  ['tells every failure', 'grew neither throws nor waits, and trouble is told once'],
  ['gives up at once', 'a seal goes on trying until the sink works again'],
  ['never gives up', 'a seal ends when it is told to, even if everything hangs'],
  ['appends when it seals again', 'a later process seals what an earlier one began, however far it came'],
  ['seals anything', 'a file of another size than the complete log is refused at once'],
];

for (const [fault, title] of noticed) {
  test(`the contract notices a sink that ${fault}`, async (context) => {
    const clause = logSinkClauses.find((one) => one.title === title);
    assert.ok(clause, `no clause "${title}"`);
    const under = underTest(sealing(fault));
    const proof = clause.prove(under, context);
    // A sink that hangs for ever is noticed by the runner's time limit; here it is let go.
    const isStuck = fault === 'never gives up';
    const outcome = await Promise.race([
      proof.then(
        () => 'kept',
        () => 'broken',
      ),
      ...(isStuck ? [new Promise<string>((resolve) => setTimeout(resolve, 300, 'broken'))] : []),
    ]);
    under.behave('working');
    await proof.catch(() => undefined);
    assert.equal(outcome, 'broken');
  });
}

test('each clause has a fault that it notices', () => {
  const titles = new Set(noticed.map(([, title]) => title));
  assert.deepEqual(
    logSinkClauses.map(({ title }) => title).filter((title) => !titles.has(title)),
    [],
  );
});

import { createRedactor } from './redact.ts';

const longestNote = 4000;

/** `[groundcrew] <line>` and a line break: our own word in a job's log, with nothing in it that steers a terminal. */
export function noteLine(line: string, secrets: readonly Uint8Array[]): Buffer {
  // Names and messages of strangers are quoted in notes.
  const tame = line.replace(/[^\P{Cc}\t]+/gu, ' ').slice(0, longestNote);
  const redactor = createRedactor(secrets);
  const safe = [...redactor.push(Buffer.from(tame)), ...redactor.end()];
  return Buffer.concat([Buffer.from('[groundcrew] '), ...safe, Buffer.from('\n')]);
}

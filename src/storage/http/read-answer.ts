import type { IncomingMessage } from 'node:http';

/** The most of an answer's text that is of interest. */
const mostBytes = 4096;

/** The status of an answer and the beginning of its text, in one line. A text that breaks off is as much as came. */
export async function readAnswer(answer: IncomingMessage): Promise<{ readonly status: number; readonly text: string }> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      if (size < mostBytes) parts.push(part);
      size += part.length;
      // Reading on keeps the connection; not for ever.
      if (size > 64 * mostBytes) break;
    }
  } catch {
    // The status has come, and that is what counts.
  }
  const text = Buffer.concat(parts).toString().slice(0, mostBytes);
  return { status: answer.statusCode ?? 0, text: text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim() };
}

import { writeSync } from 'node:fs';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import type { ReportLine } from './report.ts';

const reportFd = 3;
// A file that keeps running so long after its last test has left something open.
const patienceMs = 4000;

/**
 * A reporter for `node --test-reporter`, one process a test file: writes each result to file descriptor 3 at once, and
 * ends the process when the tests are over and a socket, timer or child still keeps it alive.
 */
// eslint-disable-next-line no-restricted-syntax -- Node takes a reporter by its default export.
export default async function* fileReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let open = 0;
  let watchdog: NodeJS.Timeout | undefined;
  const path: string[] = [];
  for await (const event of source) {
    clearTimeout(watchdog);
    if (event.type === 'test:enqueue') open += 1;
    if (event.type === 'test:complete') open -= 1;
    if (event.type === 'test:start') {
      path.splice(event.data.nesting, path.length, event.data.name);
      if (event.data.nesting === 0) write({ kind: 'started', title: event.data.name });
    }
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const title = [...path.slice(0, event.data.nesting), event.data.name].join(' › ');
      const line = asLine(event, title);
      if (line !== null) write(line);
    }
    if (open === 0) watchdog = setTimeout(giveUp, patienceMs).unref();
  }
  clearTimeout(watchdog);
  yield '';
}

function asLine(event: Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>, title: string): ReportLine | null {
  const { data } = event;
  const reason = data.skip ?? data.todo;
  if (reason !== undefined && reason !== false) {
    return { kind: 'skipped', title, reason: reason === true ? 'no reason given' : reason };
  }
  if (data.details.type === 'suite' && event.type === 'test:pass') return null;
  if (event.type === 'test:pass') return { kind: 'passed', title, durationMs: data.details.duration_ms };
  const error: unknown = event.data.details.error;
  // A parent fails with its parts; the parts tell why.
  if (isObject(error) && error['failureType'] === 'subtestsFailed') return null;
  const cause = isObject(error) && error['cause'] !== undefined ? error['cause'] : error;
  return { kind: 'failed', title, line: data.line ?? 1, error: inspect(cause, { depth: 8, maxStringLength: 20_000 }) };
}

function giveUp(): void {
  const stdio = new Set(['PipeWrap', 'TTYWrap', 'FSReqCallback']);
  write({ kind: 'leaked', what: process.getActiveResourcesInfo().filter((what) => !stdio.has(what)) });
  process.exit(1);
}

function write(line: ReportLine): void {
  writeSync(reportFd, `${JSON.stringify(line)}\n`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

import { createRequire } from 'node:module';
import type * as Pino from 'pino';

/** Values beside a message. Never secrets, never whole payloads; `trace` is the id from delivery to verdict. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Our own log. One event a call: a short constant message, the variable parts in fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Logger;
}

/** How much to say. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Says nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};

/** JSON lines (one object a line: time, level, msg, fields) for a pipe; readable lines for a terminal. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly isTerminal: boolean;
  readonly hasColour: boolean;
  readonly write: (line: string) => void;
}): Logger {
  if (options.level === 'silent') return silentLogger;
  const stream = {
    write: (line: string): void => {
      options.write(options.isTerminal ? readable(line, options.hasColour) : line);
    },
  };
  const { level } = options;
  let root: PinoLog | null = null;
  // Made for the first line that is said: a short command says none, and pino's modules would make it wait.
  return loggerOver(level, () => {
    root ??= loadPino()(
      {
        level,
        base: null,
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      stream,
    );
    return root;
  });
}

const loadPino = (): typeof Pino.pino => (createRequire(import.meta.url)('pino') as typeof Pino).pino;

/** The part of pino that we use. */
type PinoLog = Pick<Pino.BaseLogger, 'debug' | 'info' | 'warn' | 'error'> & { child(fields: LogFields): PinoLog };

const loudness = ['debug', 'info', 'warn', 'error'] as const;

function loggerOver(level: Exclude<LogLevel, 'silent'>, log: () => PinoLog): Logger {
  const say = (at: (typeof loudness)[number]): Logger['info'] =>
    loudness.indexOf(at) < loudness.indexOf(level)
      ? () => undefined
      : (message, fields) => {
          log()[at](fields ?? {}, message);
        };
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    with(fields) {
      let child: PinoLog | null = null;
      return loggerOver(level, () => (child ??= log().child(fields)));
    },
  };
}

const colours: Readonly<Record<string, string>> = { debug: '2', info: '36', warn: '33', error: '31' };

function readable(line: string, hasColour: boolean): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const name = String(level);
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${quoted(value)}`);
  const label = hasColour ? `\u001b[${colours[name] ?? '0'}m${name.padEnd(5)}\u001b[0m` : name.padEnd(5);
  return `${String(time).slice(11, 19)} ${label} ${String(msg)}${shown.length === 0 ? '' : `  ${shown.join(' ')}`}\n`;
}

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  // What strangers wrote must not steer the terminal.
  return /^[\w./:@#+-]+$/.test(text) ? text : JSON.stringify(text).replace(/[\u007f-\u009f]/g, '?');
}

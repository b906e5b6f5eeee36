/** When trying the same thing again may help: at once, after a pause, or not before somebody changes something. */
export type RetryAdvice = 'now' | 'later' | 'never';

/** `room/what`; each code has its remedy in docs/errors.md (a test compares the two). */
export type ErrorCode = `${string}/${string}`;

/**
 * Every error that groundcrew throws on purpose. `code` is what code may branch on; the message is one line for people:
 * what, where, what to do. Expected endings (a job failed, a claim was refused) are values, not errors.
 */
export class GroundcrewError extends Error {
  readonly code: ErrorCode;
  readonly retry: RetryAdvice;

  constructor(code: ErrorCode, message: string, options: { retry?: RetryAdvice; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GroundcrewError';
    this.code = code;
    this.retry = options.retry ?? 'never';
  }
}

/** True for our own error, with that code if one is named. */
export function isGroundcrewError(error: unknown, code?: ErrorCode): error is GroundcrewError {
  return error instanceof GroundcrewError && (code === undefined || error.code === code);
}

/** The operator's mistake: configuration, command line, environment. The CLI prints the message alone and exits 2. */
export class UsageError extends GroundcrewError {
  constructor(code: ErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, { ...options, retry: 'never' });
    this.name = 'UsageError';
  }
}

/** One line for a log or a person, whatever was thrown. */
export function errorLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split('\n', 1)[0] ?? '').slice(0, 1000);
}

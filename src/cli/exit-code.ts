/** What the process ends with: passed or done; the test failed; usage or configuration; the machinery; interrupted. */
export const exitCode = { ok: 0, failed: 1, usage: 2, machinery: 3, interrupted: 130 } as const;

/** One of our exit statuses. */
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

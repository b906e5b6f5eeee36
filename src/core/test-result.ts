/** One test of a run, as its own report names it. Names are untrusted text. */
export interface TestResult {
  readonly name: string;
  readonly status: 'passed' | 'failed' | 'skipped' | 'todo';
  readonly durationMs: number | null;
  readonly message: string;
  readonly knownIssue: string | null;
  readonly retries: number;
}

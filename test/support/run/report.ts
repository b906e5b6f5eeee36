/** What happened in one test file: the lines that file-reporter.ts writes, one JSON object each. */
export type ReportLine =
  | { readonly kind: 'passed'; readonly title: string; readonly durationMs: number }
  | { readonly kind: 'skipped'; readonly title: string; readonly reason: string }
  | { readonly kind: 'failed'; readonly title: string; readonly line: number; readonly error: string }
  | { readonly kind: 'started'; readonly title: string }
  | { readonly kind: 'leaked'; readonly what: readonly string[] };

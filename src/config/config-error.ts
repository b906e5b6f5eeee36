import { UsageError } from '../base/errors.ts';

/** One thing that is wrong with a file. `line` and `column` count from 1; null when the whole file is meant. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  /** Key path as people write it, `projects[0].checks[1].timeout`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
}

const mostShown = 20;

/** Everything that is wrong with a configuration or job file, one line each. */
export class ConfigError extends UsageError {
  readonly problems: readonly ConfigProblem[];

  constructor(code: 'config/invalid' | 'config/unreadable' | 'config/bad-job', problems: readonly ConfigProblem[]) {
    const shown = problems.slice(0, mostShown).map(problemLine);
    const hidden = problems.length - shown.length;
    if (hidden > 0) shown.push(`and ${String(hidden)} more problems`);
    super(code, shown.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `file:line:column: path: message`. */
export function problemLine(problem: ConfigProblem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(':');
  return [place, problem.path, problem.message].filter((part) => part !== '').join(': ');
}

/** `['projects', 0, 'env', 'a b']` → `projects[0].env["a b"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${String(part)}]`;
    else if (/^[\w-]+$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${quote(String(part))}]`;
  }
  return text;
}

/** A short quoted form of foreign text in which nothing can steer a terminal. */
export function quote(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(short).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '?');
}

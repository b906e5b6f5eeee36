import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { jobKinds, type JobKind } from './project.ts';

/** What is known of a job from outside. */
export interface Known {
  readonly kindOf: (sha: string) => JobKind;
  /** Commits whose test we killed ourselves: it may have failed anywhere. */
  readonly tampered: ReadonlySet<string>;
}

interface Row {
  readonly job_id: string;
  readonly sha: string;
  readonly generation: number;
  readonly n: number;
  readonly nonce: string;
  readonly outcome: string;
}

/**
 * Compares every accepted attempt with what its commit must do: the verdict, every line of the log once and in order, both
 * attachments. Reads the files on the disk, not our own readers. A line for each fault.
 */
export function checkResults(stateDir: string, known: Known): readonly string[] {
  const database = new DatabaseSync(join(stateDir, 'ledger.sqlite'), { readOnly: true });
  const rows = database
    .prepare(
      `SELECT a.job_id, j.sha, a.generation, a.n, a.nonce, a.outcome FROM attempts a JOIN jobs j ON j.id = a.job_id
       WHERE a.is_accepted = 1`,
    )
    .all() as unknown as Row[];
  database.close();
  const objects = join(stateDir, 'store/objects');
  const places = new Map<string, string>();
  for (const entry of existsSync(objects) ? readdirSync(objects, { recursive: true }) : []) {
    const match = /-([0-9a-f]{16})\/(\d+\.\d+-[0-9a-f]{8})$/.exec(String(entry));
    if (match !== null) places.set(`${match[1] ?? ''} ${match[2] ?? ''}`, join(objects, String(entry)));
  }
  return rows.flatMap((row) => {
    const name = `${row.job_id.slice(0, 16)} ${String(row.generation)}.${String(row.n)}-${row.nonce.slice(0, 8)}`;
    const kind = known.kindOf(row.sha);
    if (known.tampered.has(row.sha)) return [];
    const place = places.get(name);
    if (place === undefined) return [`result-missing: ${name} has nothing in the store`];
    return checkAttempt(kind, JSON.parse(row.outcome) as { kind: string; exitCode?: number }, place).map(
      (fault) => `${fault} in ${name} (${kind})`,
    );
  });
}

function checkAttempt(
  kind: JobKind,
  outcome: { readonly kind: string; readonly exitCode?: number },
  place: string,
): string[] {
  const faults: string[] = [];
  const { state, ticks } = jobKinds[kind];
  const wanted = state === 'success' ? 'passed' : 'failed';
  if (outcome.kind !== wanted || (wanted === 'failed' && outcome.exitCode !== 1))
    faults.push(`verdict-wrong: ${JSON.stringify(outcome)}`);
  for (const file of ['note.txt', 'deep/note.txt']) {
    if (readOrNull(join(place, file)) !== `${kind}\n`) faults.push(`attachment-lost: ${file}`);
  }
  const log = readOrNull(join(place, 'log')) ?? '';
  const lines = log.split('\n').filter((line) => line.startsWith('tick '));
  const wrong = Array.from({ length: ticks }, (_, at) => `tick ${String(at + 1)}`).findIndex(
    (line, at) => lines[at] !== line,
  );
  if (wrong >= 0) faults.push(`log-torn: ${String(lines[wrong])} where line ${String(wrong + 1)} belongs`);
  else if (lines.length > ticks)
    faults.push(`log-doubled: ${String(lines.length)} lines, ${String(ticks)} were printed`);
  if (kind !== 'fail' && !log.includes(`the end of ${kind}\n`)) faults.push('log-cut: the end is not there');
  return faults;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

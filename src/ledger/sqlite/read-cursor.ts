/** Where a page of runs ended. Times are epoch ms; `seq` is the job's row and makes equal times differ. */
export type RunCursor =
  | { readonly kind: 'queued' | 'running' | 'ended' | 'offered'; readonly at: number; readonly seq: number }
  | { readonly kind: 'waiting'; readonly projects: readonly ProjectCursor[] };

/** The last waiting job of one project that was listed, and how many were before it on earlier pages, itself included. */
export interface ProjectCursor {
  readonly project: string;
  readonly urgentAt: number;
  readonly queuedAt: number;
  readonly seq: number;
  readonly listed: number;
}

const longestCursor = 100_000;

/** As it stands in an address; `readCursor` is the inverse. */
export function writeCursor(cursor: RunCursor): string {
  if (cursor.kind !== 'waiting') return `${cursor.kind}.${cursor.at}.${cursor.seq}`;
  const rows = cursor.projects.map((at) => [at.project, at.urgentAt, at.queuedAt, at.seq, at.listed]);
  return `waiting.${Buffer.from(JSON.stringify(rows)).toString('base64url')}`;
}

/** Comes back from a browser, so anything may stand there; null when it is none of ours. */
export function readCursor(text: string): RunCursor | null {
  const simple = /^(queued|running|ended|offered)\.(-?\d{1,15})\.(\d{1,15})$/.exec(text);
  if (simple !== null) {
    const [, kind, at, seq] = simple as unknown as [string, 'queued' | 'running' | 'ended' | 'offered', string, string];
    return { kind, at: Number(at), seq: Number(seq) };
  }
  if (!text.startsWith('waiting.') || text.length > longestCursor) return null;
  const rows = parse(Buffer.from(text.slice('waiting.'.length), 'base64url').toString());
  if (!Array.isArray(rows)) return null;
  const projects = rows.map(projectCursor);
  return projects.every((project) => project !== null) ? { kind: 'waiting', projects } : null;
}

function projectCursor(row: unknown): ProjectCursor | null {
  if (!Array.isArray(row) || row.length !== 5) return null;
  const [project, ...numbers] = row as [unknown, ...unknown[]];
  if (typeof project !== 'string' || !numbers.every((number) => Number.isSafeInteger(number))) return null;
  const [urgentAt, queuedAt, seq, listed] = numbers as [number, number, number, number];
  return { project, urgentAt, queuedAt, seq, listed };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return null;
  }
}

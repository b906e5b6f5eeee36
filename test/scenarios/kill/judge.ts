import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkResults } from './check-results.ts';
import { containersLeft } from './containers-left.ts';
import { runProgram, type House } from './house.ts';
import { leftovers } from './leftovers.ts';
import { stateOf, type Load } from './load.ts';
import type { Project } from './project.ts';
import { describeProcess, processesIn, processesOf } from './victims.ts';

const checker = join(import.meta.dirname, 'check-ledger.mjs');

/** What the disk says when everything has stopped. */
export interface Judgement {
  /** A line for each promise that was broken. */
  readonly wrong: readonly string[];
  readonly deliveries: number;
  readonly jobs: number;
  readonly attempts: number;
}

/** Holds ledger, store, processes and files against what people were told and what the repository has now. */
export async function judge(
  house: House,
  load: Load,
  project: Project,
  {
    refs,
    tampered,
    inContainers = false,
  }: {
    readonly refs: ReadonlyMap<string, string>;
    readonly tampered: ReadonlySet<string>;
    readonly inContainers?: boolean;
  },
): Promise<{
  readonly wrong: readonly string[];
  readonly deliveries: number;
  readonly jobs: number;
  readonly attempts: number;
}> {
  const { stateDir, dir } = house;
  const expect = join(dir, 'expect.json');
  const heads = [...new Set(refs.values())].map((sha) => ({
    repo: 'demo',
    sha,
    ...(tampered.has(sha) ? {} : { state: stateOf(project, sha) }),
  }));
  writeFileSync(expect, JSON.stringify({ deliveries: [...load.promises.deliveries], heads }));
  const database = join(stateDir, 'ledger.sqlite');
  const checked = await runProgram(
    process.execPath,
    [checker, '--database', database, '--store', join(stateDir, 'store'), '--expect', expect],
    house,
  );
  const lines = checked.text.trim().split('\n');
  const counts = JSON.parse(lines.at(-1) ?? '{}') as { deliveries: number; jobs: number; attempts: number };
  const wrong = checked.exitCode === 0 ? [] : lines.slice(0, -1);
  wrong.push(...checkResults(stateDir, { kindOf: (sha) => project.kindOf(sha), tampered }));
  const { rows, nonces } = readEnds(database);
  for (const id of load.promises.jobs) if (!rows.has(id)) wrong.push(`job-lost: ${id} was shown and is gone`);
  for (const [id, kind] of load.promises.verdicts) {
    if (rows.get(id) !== kind) wrong.push(`verdict-changed: ${id} was ${kind}, is ${String(rows.get(id))}`);
  }
  for (const pid of new Set([...processesOf(nonces), ...processesIn(stateDir)]))
    wrong.push(`process-left: ${describeProcess(pid)}`);
  if (inContainers) wrong.push(...(await containersLeft(dir)));
  for (const path of leftovers(stateDir)) wrong.push(`file-left: ${path}`);
  for (const name of readdirSync(house.tempDir)) wrong.push(`temp-left: ${name}`);
  return { deliveries: counts.deliveries, jobs: counts.jobs, attempts: counts.attempts, wrong };
}

function readEnds(path: string): {
  readonly rows: ReadonlyMap<string, string | null>;
  readonly nonces: readonly string[];
} {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const jobs = database.prepare(`SELECT id, json_extract(outcome, '$.kind') AS kind FROM jobs`).all();
    const attempts = database.prepare(`SELECT nonce FROM attempts WHERE nonce <> ''`).all();
    return {
      rows: new Map(jobs.map((row) => [String(row['id']), row['kind'] === null ? null : String(row['kind'])])),
      nonces: attempts.map((row) => String(row['nonce'])),
    };
  } finally {
    database.close();
  }
}

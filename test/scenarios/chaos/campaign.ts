import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { seededRandom } from '../kill/seeded-random.ts';
import { processesIn, describeProcess } from '../kill/victims.ts';
import { carryOut } from './carry-out.ts';
import { strike, type Hit } from './faults.ts';
import { openHouse, type House } from './house.ts';
import { jobKinds } from './job.ts';
import { createLedgerView, type LedgerView } from './ledger-view.ts';
import { createLoad, type Load } from './load.ts';
import { planFaults, type FaultKind } from './plan.ts';
import { comeToRest, isTidied, type Rest } from './rest.ts';

/** How a campaign is run. `dir`: an empty directory of its own. */
export interface CampaignOrder {
  readonly dir: string;
  readonly seed: number;
  readonly lengthMs: number;
  readonly jobs: number;
  readonly perKind: number;
  readonly kinds: readonly FaultKind[];
  readonly workers: number;
  readonly slots: number;
  readonly accounts: number;
  readonly hasDisks: boolean;
  readonly restWithinMs: number;
  /** Waits for the five minutes after which a server tidies up after those before it. */
  readonly awaitsTidying: boolean;
  /** Everything is taken down when it aborts. */
  readonly signal?: AbortSignal;
}

/** What came of it. Times are ms. */
export interface CampaignResult {
  /** A line for each promise that was broken. */
  readonly wrong: readonly string[];
  readonly hits: readonly Hit[];
  /** Planned faults that nobody noticed. */
  readonly missed: Readonly<Partial<Record<FaultKind, number>>>;
  readonly asked: Readonly<Record<string, number>>;
  readonly rest: Rest;
  /** What the checkers counted. */
  readonly counts: Readonly<Record<string, unknown>>;
  readonly recovery: readonly Recovery[];
  /** Between the ends of two jobs; null: fewer than two ended. */
  readonly longestGapMs: number | null;
}

/** From the end of a fault: until the next job ended, and until all workers that could be heard were heard; null: not in the run. */
export interface Recovery {
  readonly kind: FaultKind;
  readonly nextEndMs: number | null;
  readonly allHeardMs: number | null;
}

/** Starts all parts, does all that to them, lets them come to rest, and holds what is outside against what people did. */
export async function runCampaign(order: CampaignOrder): Promise<CampaignResult> {
  const { dir } = order;
  const house = await openHouse({ ...order, diskBytes: order.hasDisks ? 96 * 1024 * 1024 : null });
  const takeDown = async (): Promise<void> => {
    // Jobs first: what ends them while their disks go is nobody's business.
    for (const worker of house.workers) for (const pid of processesIn(worker.stateDir)) kill(pid);
    await house.destroy();
  };
  order.signal?.addEventListener('abort', () => void takeDown());
  try {
    const view = createLedgerView(join(house.serverStateDir, 'ledger.sqlite'));
    const load = createLoad(house, view, seededRandom(order.seed ^ 0x5eed));
    const plan = planFaults(order);
    const watch = watchHeard(house, view);
    let isUsed = true;
    const using = load.run(order).finally(() => {
      isUsed = false;
    });
    const { hits, missed } = await carryOut(
      plan,
      (fault) => strike(house, fault),
      () => isUsed,
    );
    await using;
    const rest = await comeToRest(house, view, load, order);
    await watch.stop();
    const ends = view.ends();
    const recovery = hits.map((hit) => recoveryOf(hit, ends, watch.seen));
    const gaps = ends.slice(1).map((at, before) => at - (ends[before] ?? at));
    const longestGapMs = gaps.length === 0 ? null : Math.max(...gaps);
    const hasTidied = isTidied(house);
    await Promise.all([house.server, ...house.workers].map((part) => part.stop()));
    const troubles = await house.github('troubles', null);
    const judged = await judge(house, load, hasTidied);
    const left = processesIn(house.serverStateDir).concat(house.workers.flatMap((one) => processesIn(one.stateDir)));
    const result: CampaignResult = {
      wrong: [
        ...(rest.unrest === null ? [] : [`no-rest: after ${String(rest.tookMs)} ms ${rest.unrest}`]),
        ...house.crashes.map((line) => `crash: ${line}`),
        ...troubles.map((line) => `fake-github: ${line}`),
        ...left.map((pid) => `process-left: ${describeProcess(pid)}`),
        ...judged.wrong,
      ],
      hits,
      missed,
      asked: load.counts,
      rest,
      counts: judged.counts,
      recovery,
      longestGapMs,
    };
    writeFileSync(join(dir, 'result.json'), JSON.stringify(result, null, 2));
    return result;
  } finally {
    await takeDown();
  }
}

interface HeardAt {
  readonly at: number;
  readonly heard: ReadonlyMap<string, number>;
  /** Workers that run, untouched by any fault of their own. */
  readonly free: readonly string[];
}

/** Notes again and again when the server last heard whom. */
function watchHeard(house: House, view: LedgerView): { readonly seen: readonly HeardAt[]; stop(): Promise<void> } {
  const seen: HeardAt[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    while (!stop.signal.aborted) {
      const free = house.workers.filter((one) => one.state === 'up' && !one.isTaken).map(({ name }) => name);
      seen.push({ at: Date.now(), heard: view.heard(), free });
      await pause(400, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  return {
    seen,
    async stop() {
      stop.abort();
      await watching;
    },
  };
}

function recoveryOf(hit: Hit, ends: readonly number[], seen: readonly HeardAt[]): Recovery {
  const nextEnd = ends.find((at) => at >= hit.endedAt);
  const all = seen.find(
    ({ at, heard, free }) => at >= hit.endedAt && free.every((name) => (heard.get(name) ?? 0) >= hit.endedAt),
  );
  return {
    kind: hit.kind,
    nextEndMs: nextEnd === undefined ? null : nextEnd - hit.endedAt,
    allHeardMs: all === undefined ? null : all.at - hit.endedAt,
  };
}

/** The checkers' words. */
async function judge(
  house: House,
  load: Load,
  hasTidied: boolean,
): Promise<{ readonly wrong: readonly string[]; readonly counts: Readonly<Record<string, unknown>> }> {
  const { rabbit, vhost } = house.broker;
  const { port, ...s3 } = await house.outside.s3();
  const database = join(house.serverStateDir, 'ledger.sqlite');
  const facts = join(house.dir, 'facts.json');
  const heads = [...new Map(load.heads().map((head) => [`${head.repo} ${head.sha}`, head])).values()];
  writeFileSync(
    facts,
    JSON.stringify({
      database,
      runs: join(house.sideDir, 'runs'),
      commits: [...load.commits.values()],
      kinds: jobKinds,
      heads,
      github: { url: house.outside.githubUrl, token: house.outside.auditToken },
      s3: { ...s3, endpoint: `http://127.0.0.1:${String(port)}` },
      isTidied: hasTidied,
      broker: { url: rabbit.managementUrl, user: rabbit.username, password: rabbit.password, vhost },
    }),
  );
  const expect = join(house.dir, 'expect.json');
  writeFileSync(expect, JSON.stringify({ heads: heads.map(({ repo, sha }) => ({ repo, sha })) }));
  const [outside, ledger] = await Promise.all([
    check(join(import.meta.dirname, 'check-chaos.mjs'), facts),
    check(join(import.meta.dirname, '../kill/check-ledger.mjs'), '--database', database, '--expect', expect),
  ]);
  return {
    wrong: [...outside.lines, ...ledger.lines.map((line) => `ledger: ${line}`)],
    counts: { ...ledger.counts, ...outside.counts },
  };
}

async function check(
  ...args: readonly string[]
): Promise<{ readonly lines: readonly string[]; readonly counts: Readonly<Record<string, unknown>> }> {
  const run = promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    maxBuffer: 2 ** 26,
  });
  const { stdout, stderr } = await run.catch((error: unknown) => error as { stdout: string; stderr: string });
  const lines = stdout.trimEnd().split('\n');
  const last = lines.pop() ?? '';
  if (!last.startsWith('{')) return { lines: [`checker: ${last} ${stderr}`], counts: {} };
  return { lines, counts: JSON.parse(last) as Record<string, unknown> };
}

/** The last lines that the parts wrote. */
export function lastWords(dir: string, names: readonly string[], count: number): string {
  return names
    .map((name) => {
      const text = readFileSync(join(dir, `${name}.log`), 'utf8');
      return [`--- ${name}`, ...text.trimEnd().split('\n').slice(-count)].join('\n');
    })
    .join('\n');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

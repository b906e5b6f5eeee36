import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { removeContainersOf } from '../../support/end-processes.ts';
import { until } from '../../support/until.ts';
import { makeHouse, noteInLogs, type Form, type House, type Part } from './house.ts';
import { judge } from './judge.ts';
import { createLoad } from './load.ts';
import { makeProject } from './project.ts';
import { comeToRest } from './rest.ts';
import { seededRandom } from './seeded-random.ts';
import { killSomebody, processesIn, type VictimKind } from './victims.ts';

/** How a campaign is run. `dir`: an empty directory of its own. */
export interface CampaignOrder {
  readonly dir: string;
  readonly form: Form;
  /** Jobs run in podman, in this image; null: as processes. */
  readonly image: string | null;
  readonly kills: number;
  readonly seed: number;
  /** Mean time between two kills. */
  readonly meanGapMs: number;
  /** How long it may take until everything has come to rest, at most. */
  readonly restWithinMs: number;
  /** Attempts of one job whose guard may be killed: each makes the job wait, 5 s and then a minute. */
  readonly mostTries: number;
}

/** What came of it. Times are ms. */
export interface CampaignResult {
  /** A line for each promise that was broken. */
  readonly wrong: readonly string[];
  readonly hits: Readonly<Partial<Record<VictimKind, number>>>;
  /** Kills that came while the part was still starting. */
  readonly duringStart: number;
  readonly asked: Readonly<Record<string, number>>;
  readonly deliveries: number;
  readonly jobs: number;
  readonly attempts: number;
  /** From the start after a kill until the server was ready. */
  readonly readyMs: readonly number[];
  readonly restMs: number;
  /** The last lines of all parts when something is wrong, else empty. */
  readonly said: string;
}

/**
 * Kills groundcrew again and again while people use it, lets it come to rest, and compares what it says with what it was
 * told. The seed decides who is hit and when, and what people do; what that meets differs from run to run.
 */
export async function runCampaign(order: CampaignOrder): Promise<CampaignResult> {
  const { dir, form } = order;
  const random = seededRandom(order.seed);
  const project = await makeProject(dir);
  const house = await makeHouse(dir, form, project.dir, { image: order.image });
  const load = createLoad(house, project, seededRandom(order.seed ^ 0x5eed));
  const stop = new AbortController();
  const readyMs: number[] = [];
  const tampered = new Set<string>();
  const hits: Partial<Record<VictimKind, number>> = {};
  let duringStart = 0;
  const startPart = (part: Part): void => {
    house.start(part);
    if (part.isServer) void timeToReady(house, part, readyMs);
  };
  try {
    await house.command('hook', 'install', project.dir);
    // A kill during the very first start has a test of its own.
    for (const part of house.parts) {
      startPart(part);
      if (part.isServer) await until(() => readyMs.length > 0, { within: 30_000, what: 'the first start' });
    }
    readyMs.length = 0;
    const using = load.run(stop.signal);
    const beganAt = performance.now();
    // Uniform over the whole time, so that no moment is safe: not the start, not the one after another kill.
    const instants = Array.from({ length: order.kills }, () => random.fraction() * order.kills * order.meanGapMs).sort(
      (a, b) => a - b,
    );
    const restarts = new Set<Promise<void>>();
    for (const instant of instants) {
      await pause(Math.max(0, beganAt + instant - performance.now()));
      if (house.crashes.length > 0) break;
      // Somebody who is not there right now (no job, no git) cannot be hit; then it is another one's turn.
      for (let tries = 0; tries < 2_000; tries += 1) {
        const hit = await killSomebody(house, random, {
          mostTries: order.mostTries,
          inContainers: order.image !== null,
        });
        if (hit === null) {
          if (tries % 50 === 49) await pause(20);
          continue;
        }
        hits[hit.kind] = (hits[hit.kind] ?? 0) + 1;
        for (const sha of hit.shas) tampered.add(sha);
        if (hit.parts.some((part) => performance.now() - part.startedAt < 800)) duringStart += 1;
        await noteInLogs(house, `killed ${hit.kind} ${hit.parts.map(({ name }) => name).join(' ')}`);
        const delayMs = random.fraction() < 0.5 ? 0 : random.below(1_500);
        for (const part of hit.parts) {
          const restart = startAgain(part, delayMs, startPart);
          restarts.add(restart);
          void restart.finally(() => restarts.delete(restart));
        }
        break;
      }
    }
    stop.abort();
    await using;
    await Promise.all(restarts);
    await noteInLogs(house, 'no more kills');
    const calmAt = performance.now();
    const unrest = await comeToRest(house, load, project, order.restWithinMs);
    const restMs = Math.round(performance.now() - calmAt);
    const shownRuns = await house.command('runs', '--json');
    await house.stop();
    const refs = await project.refs();
    const found = await judge(house, load, project, { refs, tampered, inContainers: order.image !== null });
    const wrong = [
      ...unrest,
      ...house.crashes,
      ...(shownRuns.exitCode === 0 ? [] : [`cannot list runs: ${shownRuns.text}`]),
      ...found.wrong,
    ];
    const { deliveries, jobs, attempts } = found;
    const result: CampaignResult = {
      wrong,
      hits,
      duringStart,
      asked: load.promises.counts,
      deliveries,
      jobs,
      attempts,
      readyMs,
      restMs,
      said: wrong.length === 0 ? '' : await house.said(40),
    };
    if (wrong.length > 0) writeFileSync(join(dir, 'result.json'), JSON.stringify(result, null, 2));
    return result;
  } finally {
    stop.abort();
    house.destroy();
    if (order.image !== null) await removeContainersOf(dir);
    for (const pid of processesIn(dir)) process.kill(pid, 'SIGKILL');
  }
}

async function startAgain(part: Part, delayMs: number, start: (part: Part) => void): Promise<void> {
  const { child } = part;
  await new Promise<void>((resolve) => {
    if (child?.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  await pause(delayMs);
  start(part);
}

async function timeToReady(house: House, part: Part, readyMs: number[]): Promise<void> {
  const { child, startedAt } = part;
  while (part.child === child && !part.isKilled) {
    const answer = await house.ask('/readyz');
    // The file of an earlier life names a dead server, so an answer is the new one's.
    if (answer?.status === 200 && part.child === child && !part.isKilled) {
      readyMs.push(Math.round(performance.now() - startedAt));
      return;
    }
    await pause(20);
  }
}

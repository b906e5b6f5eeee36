import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { House } from './house.ts';
import type { Load } from './load.ts';
import type { Project } from './project.ts';

/** Waits until nothing is left to do, asks for what people canceled or must approve, and waits again. */
export async function comeToRest(
  house: House,
  load: Load,
  project: Project,
  withinMs: number,
): Promise<readonly string[]> {
  const until = performance.now() + withinMs;
  let why = 'nothing answered';
  let calm = 0;
  const asked = new Set<string>();
  while (performance.now() < until) {
    await pause(200);
    if (house.crashes.length > 0) return [];
    const state = await unrestOf(house, load, project, asked);
    if (state !== null) {
      why = state;
      calm = 0;
      continue;
    }
    calm += 1;
    if (calm === 3) return [];
  }
  return [`no rest within ${String(withinMs)} ms: ${why}`];
}

/** Why it does not rest yet, or null. */
async function unrestOf(house: House, load: Load, project: Project, asked: Set<string>): Promise<string | null> {
  const counts = await house.ask('/api/counts');
  if (counts?.status !== 200) return 'no server answers';
  const { waiting, offered, running, deliveriesPending, reportsDue } = counts.body as Record<string, number>;
  const busy = JSON.stringify({ waiting, offered, running, deliveriesPending, reportsDue });
  if ([waiting, offered, running, deliveriesPending, reportsDue].some((value) => value !== 0)) return busy;
  const held = await load.approveAll();
  if (held !== 0) return `${String(held)} wait for approval`;
  const runs = (await load.runs()) ?? [];
  for (const [ref, sha] of await project.refs()) {
    const mine = runs.filter((run) => run.sha === sha);
    if (mine.length === 0) return `${ref} at ${sha} has no run`;
    const latest = mine[0];
    // Somebody canceled it: asked for again, it must be judged as well.
    if (latest?.outcome?.kind === 'canceled') {
      if (!asked.has(latest.jobId) && (await load.request({ kind: 'retry', jobId: latest.jobId, by: 'maintainer' })))
        asked.add(latest.jobId);
      return `${ref} at ${sha} was canceled and is asked for again`;
    }
  }
  for (const worker of readdirSync(join(house.stateDir, 'worker'))) {
    for (const place of ['attempts', 'spool', 'process-runs', 'podman-runs']) {
      const left = readdirSafely(join(house.stateDir, 'worker', worker, place)).filter((name) =>
        /^[0-9a-f]/.test(name),
      );
      if (left.length > 0) return `${worker}/${place} still has ${left.slice(0, 3).join(' ')}`;
    }
  }
  return null;
}

function readdirSafely(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

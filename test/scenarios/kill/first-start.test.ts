import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { needs } from '../../support/needs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';
import { makeHouse, type House, type Part } from './house.ts';
import { judge } from './judge.ts';
import { createLoad } from './load.ts';
import { makeProject } from './project.ts';
import { comeToRest } from './rest.ts';
import { seededRandom } from './seeded-random.ts';

const kills = 8;
const ready = async (house: House): Promise<boolean> => (await house.ask('/readyz'))?.status === 200;
const partOf = (house: House): Part => house.parts[0] ?? assert.fail('a house has parts');

async function killNow(part: Part): Promise<void> {
  const { child } = part;
  assert.ok(child !== null, `${part.name} is dead already`);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  part.isKilled = true;
  child.kill('SIGKILL');
  await closed;
}

test('a first start that is killed anywhere is finished by the next one', needs('git', 'linux'), async (context) => {
  const dir = await tempDir(context);
  const project = await makeProject(dir);
  const house = await makeHouse(dir, 'up', project.dir);
  context.after(() => {
    house.destroy();
  });
  const part = partOf(house);
  // How long a start takes here now, on a directory that is then thrown away: the kills are spread over it.
  const trial = await makeHouse(await tempDir(context), 'up', project.dir);
  context.after(() => {
    trial.destroy();
  });
  const beganAt = performance.now();
  trial.start(partOf(trial));
  await until(() => ready(trial), { within: 30_000, what: 'a start' });
  const startMs = performance.now() - beganAt;
  await trial.stop();
  for (let n = 0; n < kills; n += 1) {
    house.start(part);
    // From the middle on it touches the disk; before, it only loads.
    await pause(startMs * (0.4 + (0.6 * n) / (kills - 1)));
    await killNow(part);
  }
  house.start(part);
  await until(() => ready(house), { within: 40_000, what: 'the last start' });
  const load = createLoad(house, project, seededRandom(1));
  assert.deepEqual(await comeToRest(house, load, project, 60_000), []);
  await house.stop();
  const { wrong, jobs } = await judge(house, load, project, { refs: await project.refs(), tampered: new Set() });
  assert.deepEqual([...wrong, ...house.crashes], [], await house.said(40));
  assert.equal(jobs, 1);
});

test('a commit whose hook nobody heard before the kill is tested after it', needs('git', 'linux'), async (context) => {
  const dir = await tempDir(context);
  const project = await makeProject(dir);
  // No poll helps within this test.
  const house = await makeHouse(dir, 'up', project.dir, { poll: '1h' });
  context.after(() => {
    house.destroy();
  });
  const part = partOf(house);
  const installed = await house.command('hook', 'install', project.dir);
  assert.equal(installed.exitCode, 0, installed.text);
  house.start(part);
  await until(() => ready(house), { within: 30_000, what: 'the first start' });
  const load = createLoad(house, project, seededRandom(1));
  // Dead before the push, at it, and in the midst of what follows.
  for (const afterMs of [-1, 0, 5, 20, 60]) {
    if (afterMs < 0) await killNow(part);
    await project.push('refs/heads/main', await project.commit('pass', null));
    if (afterMs >= 0) {
      await pause(afterMs);
      await killNow(part);
    }
    house.start(part);
    await until(() => ready(house), { within: 30_000, what: 'a start' });
    assert.deepEqual(await comeToRest(house, load, project, 60_000), [], readFileSync(join(dir, 'up.log'), 'utf8'));
  }
  await house.stop();
  const { wrong } = await judge(house, load, project, { refs: await project.refs(), tampered: new Set() });
  assert.deepEqual([...wrong, ...house.crashes], [], await house.said(40));
});

/** The simulator's speed, by processor time, so that a busy machine counts as little as it can. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { benchPart } from './measure.ts';

const exec = promisify(execFile);

await benchPart(async ({ isSmoke }) => {
  const seeds = isSmoke ? 5 : 600;
  const main = join(import.meta.dirname, '../test/simulator/main.ts');
  const args = ['--disable-warning=ExperimentalWarning', main, '--json', '--seeds', String(seeds)];
  const { stdout } = await exec(process.execPath, args, { maxBuffer: 1 << 26 }).catch((error: unknown) => {
    // A seed that fails is the simulator's own news; its speed is known all the same.
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string')
      return { stdout: error.stdout };
    throw error;
  });
  const found = JSON.parse(stdout) as {
    readonly failed: number;
    readonly seedsPerSecond: number;
    readonly eventsPerSeed: number;
    readonly fewestEvents: number;
  };
  return [
    {
      what: `simulator, ${String(seeds)} seeds`,
      target: '≥ 50 seeds/s a core',
      measured: `${String(found.seedsPerSecond)} seeds/s, ${String(found.failed)} failed`,
      baseline: `${String(found.eventsPerSeed)} events a seed, ${String(found.fewestEvents)} at least`,
      isReached: found.seedsPerSecond >= 50 && found.fewestEvents >= 200,
    },
  ];
});

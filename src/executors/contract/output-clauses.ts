import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exited, noTrouble, outputOf, outputUntil, pick, until, type Bench, type ExecutorClause } from './bench.ts';

/** What becomes of the output. */
export const outputClauses: readonly ExecutorClause[] = [
  {
    title: 'stdout and stderr are one stream in the order of writing',
    async check(bench: Bench): Promise<void> {
      const run = await bench.start('i=0; while [ $i -lt 300 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done');
      const expected = Array.from({ length: 300 }, (_, i) => `o${String(i)}\ne${String(i)}\n`).join('');
      assert.equal((await outputOf(run)).toString(), expected);
    },
  },
  {
    title: 'output is exact to the byte, whatever the bytes, without a last newline',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec('cat blob; printf "\\000\\r\\n\\377end"');
      const blob = randomBytes(50_000_003);
      await writeFile(join(spec.checkoutDir, 'blob'), blob);
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      const hash = createHash('sha256');
      let size = 0;
      for await (const bytes of run.output(0)) {
        hash.update(bytes);
        size += bytes.length;
      }
      const expected = Buffer.concat([blob, Buffer.from('\0\r\n\xffend', 'latin1')]);
      assert.equal(size, expected.length);
      assert.equal(hash.digest('hex'), createHash('sha256').update(expected).digest('hex'));
      assert.equal((await outputOf(run, 50_000_000)).toString('hex'), expected.subarray(50_000_000).toString('hex'));
      assert.deepEqual(await outputOf(run, expected.length), Buffer.alloc(0));
      assert.deepEqual(pick(await run.wait()), noTrouble);
      await run.cleanup();
    },
  },
  {
    title: 'output is complete however small the pieces in which a large one comes',
    async check(bench: Bench): Promise<void> {
      const run = await bench.start("printf 'first\\n'; head -c 40000000 /dev/zero | tr '\\0' x; printf 'last\\n'");
      const output = await outputOf(run);
      assert.equal(output.length, 40_000_011);
      assert.equal(output.subarray(-6).toString(), 'xlast\n');
      assert.deepEqual(pick(await run.wait()), noTrouble);
    },
  },
  {
    title: 'output is seen while the job runs',
    async check(bench: Bench): Promise<void> {
      const run = await bench.start('echo now; exec sleep 6');
      const asked = performance.now();
      await outputUntil(run, 'now');
      assert.ok(performance.now() - asked < 5000, 'not only when it has ended');
      await run.stop(0);
    },
  },
  {
    title: 'a job that closes its output lives on',
    async check(bench: Bench): Promise<void> {
      const run = await bench.start('echo before; exec >/dev/null 2>&1; sleep 0.5; exit 9');
      const end = exited(run);
      assert.equal((await outputOf(run)).toString(), 'before\n');
      assert.equal((await end).exitCode, 9);
    },
  },
  {
    title: 'a job whose output nobody reads is held back, and can be stopped',
    async check(bench: Bench): Promise<void> {
      const spec = await bench.spec('exec cat /dev/zero');
      const run = await bench.executor.start(spec, () => undefined, new AbortController().signal);
      const kept = async (): Promise<number> => (await readFile(join(spec.stateDir, 'executor', 'output'))).length;
      let before = -1;
      // Two looks that see the same: it stands still.
      await until(async () => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        const now = await kept();
        const isStill = now === before && now > 0;
        before = now;
        return isStill;
      }, 'the job stands still');
      assert.ok(before < 200 * 1024 * 1024, `${String(before)} bytes kept`);
      await run.stop(0);
      assert.equal((await exited(run)).stoppedBy, 'stopped');
      await run.cleanup();
    },
  },
];

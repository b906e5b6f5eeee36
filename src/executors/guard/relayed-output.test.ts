import assert from 'node:assert/strict';
import { appendFileSync, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../base/clock.ts';
import { relayedOutput } from './relayed-output.ts';

async function inRoom(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'gcx-relay-'));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const marker = Buffer.from('abcabd');

async function read(dir: string, offset: number, isGuardRunning = true): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const running = (): boolean => isGuardRunning;
  for await (const bytes of relayedOutput({ dir, marker, offset, isGuardRunning: running, clock: systemClock })) {
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

void test('every byte before the marker is given, from any offset, however the writes fall', async () => {
  // Bytes that look like the beginning of the marker, again and again.
  const piece = fc.stringMatching(/^[abcd]{0,7}$/).map((text) => Buffer.from(text));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.nat(20), async (pieces, offset) => {
      const whole = Buffer.concat(pieces);
      fc.pre(!Buffer.concat([whole, marker]).subarray(0, -1).includes(marker));
      await inRoom(async (dir) => {
        await writeFile(join(dir, 'output'), '');
        const from = Math.min(offset, whole.length);
        const reading = read(dir, from);
        for (const part of pieces) await appendFile(join(dir, 'output'), part);
        // The marker comes in two writes, and what follows it is not the job's.
        await appendFile(join(dir, 'output'), marker.subarray(0, 2));
        await appendFile(join(dir, 'output'), Buffer.concat([marker.subarray(2), Buffer.from('later')]));
        assert.equal((await reading).toString(), whole.subarray(from).toString());
      });
    }),
    { numRuns: 40 },
  );
});

void test('a marker is known at whatever byte a read ends, also when the guard is gone by then', async () => {
  for (let missing = -1; missing <= marker.length; missing += 1) {
    await inRoom(async (dir) => {
      const output = join(dir, 'output');
      await writeFile(output, '');
      const said = Buffer.alloc(16 * 1024 - missing, 'x');
      let isThere = false;
      // Asked before each read of a reader who sleeps: all comes at once, then there is nobody left to write.
      const isGuardRunning = (): boolean => {
        if (!isThere) writeFileSync(output, Buffer.concat([said, marker]));
        isThere = true;
        return false;
      };
      const parts: Uint8Array[] = [];
      for await (const bytes of relayedOutput({ dir, marker, offset: 0, isGuardRunning, clock: systemClock })) {
        parts.push(bytes);
      }
      assert.equal(Buffer.concat(parts).toString(), said.toString(), String(missing));
    });
  }
});

void test('what a reader was given stays as it is while it reads on', async () => {
  await inRoom(async (dir) => {
    const random = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) % 251));
    await writeFile(join(dir, 'output'), Buffer.concat([random, Buffer.from('\xff', 'latin1'), marker]));
    // Kept until the end, so that a buffer that is used twice would show.
    assert.ok((await read(dir, 0)).equals(Buffer.concat([random, Buffer.from('\xff', 'latin1')])));
  });
});

void test('where the guard died, the end is what is there', async () => {
  await inRoom(async (dir) => {
    await writeFile(join(dir, 'output'), 'said abca');
    assert.equal((await read(dir, 0, false)).toString(), 'said abca');
  });
});

void test('a job that prints faster than it is read leaves the rest of this process its turns', async () => {
  await inRoom(async (dir) => {
    const output = join(dir, 'output');
    await writeFile(output, 'line\n');
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    let reads = 0;
    for await (const _ of relayedOutput({ dir, marker, offset: 0, isGuardRunning: () => true, clock: systemClock })) {
      appendFileSync(output, (reads += 1) < 2_000 ? 'line\n' : marker);
    }
    clearInterval(timer);
    assert.ok(turns >= 10, String(turns));
  });
});

void test('the relay hears how far the consumer has come, not how far we have read', async () => {
  await inRoom(async (dir) => {
    const size = 20 * 1024 * 1024;
    await writeFile(join(dir, 'output'), Buffer.concat([Buffer.alloc(size, 'x'), marker]));
    let taken = 0;
    for await (const bytes of relayedOutput({
      dir,
      marker,
      offset: 0,
      isGuardRunning: () => true,
      clock: systemClock,
    })) {
      // Nothing told is 0.
      const told = Number(await readFile(join(dir, 'seen'), 'utf8').catch(() => '0'));
      assert.ok(told <= taken, 'nothing that is still in our hands is reported');
      assert.ok(taken - told < 9 * 1024 * 1024, 'and it does not lag by much');
      taken += bytes.length;
    }
    assert.equal(taken, size);
  });
});

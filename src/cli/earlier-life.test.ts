import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { hadEarlierLife } from './earlier-life.ts';

test('an attempt, an unsent final or a stored log tell of an earlier life; an idle worker does not', async (t) => {
  const of = async (traces: readonly string[]): Promise<boolean> => {
    const root = await tempDir(t);
    for (const trace of traces) {
      mkdirSync(join(root, trace, '..'), { recursive: true });
      writeFileSync(join(root, trace), '');
    }
    return hadEarlierLife({ storeDir: join(root, 'store'), workerDir: join(root, 'worker') });
  };
  assert.equal(await of([]), false);
  assert.equal(await of(['worker/vm/lock', 'worker/vm/session', 'worker/vm/spool/.reserve']), false);
  assert.equal(await of(['worker/vm/attempts/2764681a586a33a5']), true);
  assert.equal(await of(['worker/vm/spool/000000000001.json']), true);
  assert.equal(await of(['store/objects/run-1/log']), true);
});

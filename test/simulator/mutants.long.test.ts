import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('the simulator catches every mutant within 2,000 seeds', { timeout: 60 * 60_000 }, async (t) => {
  const main = fileURLToPath(new URL('mutants-main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, '--seeds', '2000'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  const said = await text(child.stdout);
  const [status] = (await closed) as [number | null];
  assert.equal(status, 0, said);
});

import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';

test('health, readiness and metrics are there from the start', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const house = await crew.up(repo.dir);
  const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
  await house.ended(sha);
  assert.equal(await (await house.get('/healthz')).text(), 'ok\n');
  assert.equal(await (await house.get('/readyz')).text(), 'ready\n');
  const metrics = await house.get('/metrics');
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const text = await metrics.text();
  assert.match(text, /^groundcrew_jobs\{state="ended"\} 1$/m);
  assert.match(text, /^groundcrew_jobs\{state="running"\} 0$/m);
  assert.match(text, /^groundcrew_deliveries_total\{forge="git",source="event"\} [1-9]\d*$/m);
  assert.match(text, /^groundcrew_deliveries_parked 0$/m);
  assert.match(text, /^process_resident_memory_bytes \d+/m);
  // Our own log on a pipe is JSON, a line an event.
  const lines = house.program.err().trimEnd().split('\n');
  for (const line of lines) assert.equal(typeof (JSON.parse(line) as { msg?: unknown }).msg, 'string', line);
  assert.ok(!house.program.err().includes(house.token), 'the token is in no log');
});

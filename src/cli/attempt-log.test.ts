import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { addFakeRun, createFakeWorld, fakeToken, type FakeWorld } from '../../test/support/fake-web-deps.ts';
import type { FakeLog } from '../../test/support/fake-log.ts';
import { createHandClock, type HandClock } from '../../test/support/hand-clock.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { until } from '../../test/support/until.ts';
import { writeServerFile } from '../config/server-file.ts';
import type { StoreSettings } from '../config/store-settings.ts';
import { createWebApp } from '../web/app.ts';
import { startWebServer, type WebServer } from '../web/server.ts';
import { createAttemptLogs } from './attempt-log.ts';

const elsewhere: StoreSettings = {
  primary: { kind: 'http', url: 'https://logs.example.org/', token: null, publicUrl: null, grants: 'none' },
  mirrors: [],
  caFile: null,
};

interface Stage {
  readonly log: FakeLog;
  readonly clock: HandClock;
  readonly stop: AbortController;
  /** How many readers the server was told of. */
  readonly watching: () => number;
  /** What the reader has got. */
  readonly got: () => string;
  readonly ended: Promise<void>;
  readonly serve: () => Promise<WebServer>;
}

/** Follows a log that grows in a store elsewhere; `isServed`: from the first a server runs. */
async function stage(t: TestContext, isServed: boolean, store = elsewhere): Promise<Stage> {
  let watching = 0;
  const world: FakeWorld = createFakeWorld({
    watchLog: () => {
      watching++;
      return () => watching--;
    },
  });
  const id = addFakeRun(world, { state: 'running' });
  const attempt = world.runs[0]?.attempts[0];
  assert.ok(attempt);
  const log = world.logs.get(attempt.storePrefix);
  assert.ok(log);
  const paths = { serverFile: join(await tempDir(t), 'server.json') };
  const serve = async (): Promise<WebServer> => {
    const server = await startWebServer(createWebApp(world.deps), { host: '127.0.0.1', port: 0 });
    t.after(() => server.close());
    writeServerFile(paths.serverFile, { url: server.address, token: fakeToken, pid: process.pid });
    return server;
  };
  if (isServed) await serve();
  const clock = createHandClock();
  const open = createAttemptLogs({ settings: { store, paths }, openLog: world.deps.openLog, clock });
  const stop = new AbortController();
  t.after(() => stop.abort());
  let got = '';
  const read = async (): Promise<void> => {
    for await (const bytes of open({ jobId: id, attempt, follow: true }, stop.signal))
      got += Buffer.from(bytes).toString();
  };
  return { log, clock, stop, watching: () => watching, got: () => got, ended: read(), serve };
}

test('a log that grows elsewhere is read through the server, which hears of the reader and of its end', async (t) => {
  const { log, watching, got, ended } = await stage(t, true);
  log.append('one ');
  await until(() => got() === 'one ');
  assert.equal(watching(), 1);
  log.append('two');
  log.seal();
  await ended;
  assert.equal(got(), 'one two');
  await until(() => watching() === 0, { what: 'the server to hear that the reader left' });
});

test('when the server goes, the store has the rest from the byte that was reached, and a new server is found', async (t) => {
  const { log, clock, stop, watching, got, ended, serve } = await stage(t, false);
  log.append('none ');
  await until(() => got() === 'none ');
  const server = await serve();
  clock.pass(20_000);
  await until(() => watching() === 1, { what: 'the server to be found' });
  log.append('first ');
  await until(() => got() === 'none first ');
  await server.close();
  await until(() => watching() === 0);
  log.append('store ');
  await until(() => got() === 'none first store ', { what: 'the store to be read' });
  stop.abort();
  await ended;
});

test('a store on this machine is read without the server', async (t) => {
  const { log, watching, got, ended } = await stage(t, true, {
    ...elsewhere,
    primary: { kind: 'dir', dir: '/nonexistent' },
  });
  log.append('one');
  await until(() => got() === 'one');
  assert.equal(watching(), 0);
  log.seal();
  await ended;
});

test('an interrupted reader ends at once, also while the server is silent', async (t) => {
  const { stop, watching, got, ended } = await stage(t, true);
  await until(() => watching() === 1);
  stop.abort();
  await ended;
  assert.equal(got(), '');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFacts } from './settings.ts';

const host = { cgroupVersion: 'v1', cgroupManager: 'cgroupfs' };
const store = { graphRoot: '/var/lib/containers/storage', graphDriverName: 'overlay', graphOptions: {} };

test('podman says which control groups it has and where its list of images is', () => {
  assert.deepEqual(readFacts(JSON.stringify({ host, store })), {
    cgroupVersion: 1,
    cgroupManager: 'cgroupfs',
    imageListFile: '/var/lib/containers/storage/overlay-images/images.json',
  });
});

test('with a second store, or where podman does not say, no list tells which images there are', () => {
  const graphOptions = { 'overlay.imagestore': '/usr/share/containers/storage' };
  assert.equal(readFacts(JSON.stringify({ host, store: { ...store, graphOptions } })).imageListFile, null);
  const nothing = { cgroupVersion: 2, cgroupManager: 'cgroupfs', imageListFile: null };
  for (const said of ['', '{}', '{"host":{},"store":{}}']) assert.deepEqual(readFacts(said), nothing);
});

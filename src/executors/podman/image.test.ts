import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUnknownImage, pinnedReference } from './image.ts';

// Recorded of podman 4.3.1 with docker-registry 2.8.2, but for the last two, which are Docker Hub's and Quay's words.
const unknown = [
  'Error: initializing source docker://127.0.0.1:15017/a/b:2: reading manifest 2 in 127.0.0.1:15017/a/b: manifest unknown: manifest unknown',
  'Error: short-name "nosuchshort" did not resolve to an alias and no unqualified-search registries are defined in "/etc/containers/registries.conf"',
  'Error: invalid reference format',
  'Error: repository name must be lowercase',
  'Error: initializing source docker://nosuch/image:latest: reading manifest latest in docker.io/nosuch/image: requested access to the resource is denied',
  'Error: initializing source docker://quay.io/none/such:1: reading manifest 1 in quay.io/none/such: unauthorized: access to the requested resource is not authorized',
];

const away = [
  'Error: initializing source docker://127.0.0.1:1/x/y:1: pinging container registry 127.0.0.1:1: Get "https://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
  'Error: initializing source docker://quay.io/none/such:1: pinging container registry quay.io: Get "https://quay.io/v2/": dial tcp: lookup quay.io on 192.0.2.53:53: no such host',
  'Error: initializing source docker://127.0.0.1:15017/a/b:1: pinging container registry 127.0.0.1:15017: Get "https://127.0.0.1:15017/v2/": http: server gave HTTP response to HTTPS client',
  'Error: writing blob: adding layer with blob "sha256:19bd": no space left on device',
  'Error: copying system image from manifest list: parsing image configuration: 503 Service Unavailable',
  '',
];

void test('a registry that does not have the image, or a name that is none, is the change’s to mend', () => {
  for (const line of unknown) assert.equal(isUnknownImage(line), true, line);
});

void test('a registry that is away, and a full disk, are the machinery’s', () => {
  for (const line of away) assert.equal(isUnknownImage(line), false, line);
});

test('an image is remembered by what any machine can fetch again', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const names = {
    'quay.io/fedora/fedora:44': `quay.io/fedora/fedora@${digest}`,
    'localhost:5000/a/b': `localhost:5000/a/b@${digest}`,
    'localhost:5000/a/b:1': `localhost:5000/a/b@${digest}`,
    [`quay.io/x@sha256:${'b'.repeat(64)}`]: `quay.io/x@${digest}`,
    ['c'.repeat(64)]: digest,
  };
  for (const [name, pinned] of Object.entries(names)) assert.equal(pinnedReference(name, { digest }), pinned);
});

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram, needs } from '../../../test/support/needs.ts';
import { podmanCacheDir, podmanEnv, testImage } from '../../../test/support/test-image.ts';
import { until } from '../contract/bench.ts';
import { ensureImage } from './image.ts';
import { createPodmanCommand } from './podman-command.ts';
import { globalArguments } from './run-arguments.ts';
import { rememberedSettings } from './settings.ts';
import { freePort } from '../../../test/support/free-port.ts';

const registry = findProgram('docker-registry');
const gate =
  registry === null ? { skip: 'docker-registry is missing: install the package docker-registry' } : needs('podman');

void test(
  'an image is pulled when it is missing, once, and one that a real registry lacks is unknown',
  gate,
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gcx-registry-'));
    const place = `127.0.0.1:${String(await freePort())}`;
    const config = `version: 0.1\nstorage: { filesystem: { rootdirectory: ${dir}/store } }\nhttp: { addr: ${place} }\n`;
    await writeFile(join(dir, 'registry.yml'), config);
    await writeFile(join(dir, 'registries.conf'), `[[registry]]\nlocation = "${place}"\ninsecure = true\n`);
    const image = `${place}/team/image:1`;
    const local = await testImage();
    const env = { ...podmanEnv(), CONTAINERS_REGISTRIES_CONF: join(dir, 'registries.conf') };
    const settings = await rememberedSettings(podmanCacheDir(), podmanEnv()['PATH'] ?? '');
    assert.ok(settings);
    const globalFlags = globalArguments(settings);
    const podman = createPodmanCommand(env);
    const server = spawn(registry ?? '', ['serve', join(dir, 'registry.yml')], { stdio: 'ignore' });
    try {
      await until(
        async () => (await fetch(`http://${place}/v2/`).catch(() => null))?.ok === true,
        'the registry answers',
      );
      const pushed = await podman([...globalFlags, 'push', local, image]);
      assert.equal(pushed.exitCode, 0, pushed.stderr.toString());
      const signal = AbortSignal.timeout(60_000);
      const heard: string[] = [];
      const progress = (line: string): void => void heard.push(line);
      const first = await ensureImage(podman, { name: image, globalFlags, signal }, progress);
      assert.ok(first.isThere);
      assert.match(first.image.digest, /^sha256:[0-9a-f]{64}$/);
      assert.match(heard.join('\n'), /Pulling .*\n(.*\n)*.*Copying/);
      heard.length = 0;
      const again = await ensureImage(podman, { name: image, globalFlags, signal }, progress);
      assert.deepEqual(again, first);
      assert.deepEqual(heard, []);
      for (const name of [`${place}/team/image:2`, `${place}/no/such:1`]) {
        const missing = await ensureImage(podman, { name, globalFlags, signal }, progress);
        assert.ok(!missing.isThere);
        assert.deepEqual([missing.end.cause, missing.end.isChangesFault], ['unknown-image', true], missing.end.detail);
      }
    } finally {
      server.kill('SIGKILL');
      spawnSync('podman', [...globalFlags, 'rmi', '--force', image], { env });
      await rm(dir, { recursive: true, force: true });
    }
  },
);

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPodmanExecutor } from '../../src/executors/podman/podman-executor.ts';
import { rememberedSettings } from '../../src/executors/podman/settings.ts';

/** What `testImage` makes: busybox and nothing else. */
export const testImageName = 'localhost/groundcrew-test:1';

/** The environment that tests call podman with: ours, as strings. */
export function podmanEnv(): Record<string, string> {
  const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', HOME = '/root', XDG_RUNTIME_DIR } = process.env;
  return { PATH, HOME, ...(XDG_RUNTIME_DIR === undefined ? {} : { XDG_RUNTIME_DIR }) };
}

/** Where all tests of this user remember which podman settings work, so that it is tried once. */
export function podmanCacheDir(): string {
  return join(tmpdir(), `groundcrew-test-podman-${String(process.getuid?.() ?? 0)}`);
}

/**
 * Makes sure that the test image is in podman's storage and says its name. Made of Debian's busybox-static, so that no
 * registry is needed; 0.6 s the first time, one look afterwards.
 */
export function testImage(): Promise<string> {
  made ??= make();
  return made;
}

let made: Promise<string> | null = null;

async function make(): Promise<string> {
  const env = podmanEnv();
  const flags = await workingFlags();
  const podman = (args: readonly string[], input?: Buffer): void => {
    execFileSync('podman', ['--log-level=error', ...flags, ...args], { env, input, stdio: ['pipe', 'ignore', 'pipe'] });
  };
  try {
    podman(['image', 'exists', testImageName]);
  } catch {
    podman(['import', '-', testImageName], busyboxArchive());
  }
  return testImageName;
}

async function workingFlags(): Promise<readonly string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'groundcrew-test-'));
  try {
    const executor = createPodmanExecutor({
      owner: 'test-image',
      runsDir: join(dir, 'runs'),
      cacheDir: podmanCacheDir(),
      env: podmanEnv(),
    });
    const trial = await executor.trial(AbortSignal.timeout(60_000));
    if (!trial.isUsable) throw new Error(`podman runs no container here: ${trial.finding}`);
    const { PATH = '' } = podmanEnv();
    return (await rememberedSettings(podmanCacheDir(), PATH))?.globalFlags ?? [];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A tar archive with a static busybox under all its names. */
function busyboxArchive(): Buffer {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('no busybox: install the package busybox-static');
  const root = mkdtempSync(join(tmpdir(), 'groundcrew-image-'));
  try {
    const script = `
      mkdir -p bin tmp etc var/tmp root && cp "$1" bin/busybox && chmod 1777 tmp var/tmp
      for name in $("$1" --list); do [ "$name" = busybox ] || ln -s busybox "bin/$name"; done
      echo root:x:0:0:root:/root:/bin/sh >etc/passwd
      tar --owner=0 --group=0 -c .`;
    return execFileSync('sh', ['-c', script, 'sh', busybox], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

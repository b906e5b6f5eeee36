import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs } from './support/needs.ts';
import { openTempDir, removeTempDir } from './support/temp-dir.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'deploy/systemd');
const units = readdirSync(folder).filter((name) => name.endsWith('.service'));
const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');
const valueOf = (name: string, key: string): string | undefined =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(textOf(name))?.[1];
const verbs = new Set(readFileSync(join(root, 'docs/reference/cli.md'), 'utf8').match(/(?<=^## )\S+$/gm));

test('each unit starts a verb that there is, from where the guide puts groundcrew', () => {
  assert.deepEqual(units, ['groundcrew-server.service', 'groundcrew-worker.service']);
  for (const name of units) {
    const [, verb = ''] = /^\/opt\/groundcrew\/bin\/groundcrew (\S+)$/.exec(valueOf(name, 'ExecStart') ?? '') ?? [];
    assert.ok(verbs.has(verb), `${name}: ${verb}`);
    assert.ok(existsSync(join(root, 'bin/groundcrew')));
  }
});

test('a worker may be restarted without its jobs, and has longer to drain than it may take', () => {
  assert.equal(valueOf('groundcrew-worker.service', 'KillMode'), 'process');
  assert.equal(valueOf('groundcrew-worker.service', 'Delegate'), 'yes');
  assert.equal(valueOf('groundcrew-worker.service', 'RuntimeDirectoryPreserve'), 'yes');
  const [, drainMinutes] =
    /worker\.drain` \| duration \| `"(\d+)m"`/.exec(readFileSync(join(root, 'docs/reference/config.md'), 'utf8')) ?? [];
  const [, stopMinutes] = /^(\d+)min$/.exec(valueOf('groundcrew-worker.service', 'TimeoutStopSec') ?? '') ?? [];
  assert.ok(Number(stopMinutes) > Number(drainMinutes), `${String(stopMinutes)} > ${String(drainMinutes)}`);
});

test('systemd has nothing to say against the units', needs('systemd'), async (t) => {
  const dir = await openTempDir();
  t.after(() => removeTempDir(dir));
  mkdirSync(join(dir, 'units'));
  // It looks whether the program is there, which it is on a machine that was set up by the guide.
  const files = units.map((name) => {
    const file = join(dir, 'units', name);
    writeFileSync(file, textOf(name).replace(/\/opt\/groundcrew/g, root));
    return file;
  });
  const said = execFileSync('systemd-analyze', ['verify', ...files], { encoding: 'utf8', stdio: 'pipe' });
  assert.equal(said, '');
});

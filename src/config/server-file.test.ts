import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findServer, removeServerFile, writeServerFile } from './server-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'groundcrew-server-'));
after(() => {
  rmSync(dir, { recursive: true, force: true });
});
const server = { url: 'http://127.0.0.1:8250', token: '0123456789abcdef', pid: process.pid };

test('a client finds the server that wrote the file, which is its owner’s alone', () => {
  const file = join(dir, 'a.json');
  writeServerFile(file, server);
  assert.deepEqual(findServer(file), { kind: 'running', server });
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('a file whose process is dead is stale', () => {
  const file = join(dir, 'b.json');
  const { pid } = spawnSync('true');
  writeServerFile(file, { ...server, pid });
  assert.deepEqual(findServer(file), { kind: 'stale', pid });
});

test('a file that others may read, a link, and rubbish are not believed', () => {
  const open = join(dir, 'c.json');
  writeServerFile(open, server);
  chmodSync(open, 0o644);
  assert.equal(findServer(open).kind, 'unsafe');
  const link = join(dir, 'd.json');
  symlinkSync(open, link);
  assert.equal(findServer(link).kind, 'unsafe');
  const broken = join(dir, 'e.json');
  for (const text of ['', '{', '[]', '{"url":"file:///etc","token":"0123456789abcdef","pid":1}', '{"pid":"1"}']) {
    writeFileSync(broken, text, { mode: 0o600 });
    assert.equal(findServer(broken).kind, 'unsafe', text);
  }
  assert.deepEqual(findServer(join(dir, 'absent.json')), { kind: 'none' });
});

test('a server removes its own file and leaves that of another', () => {
  const file = join(dir, 'f.json');
  writeServerFile(file, server);
  removeServerFile(file, server.pid + 1);
  assert.ok(existsSync(file));
  removeServerFile(file, server.pid);
  assert.ok(!existsSync(file));
  removeServerFile(file, server.pid);
});

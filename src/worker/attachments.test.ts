import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { tempDir, type CleansUp } from '../../test/support/temp-dir.ts';
import { systemClock } from '../base/clock.ts';
import { exec } from '../base/exec.ts';
import { createDirectoryStore } from '../storage/directory/directory-store.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { attachmentName } from './attachment-name.ts';
import { saveAttachments, type AttachmentLimits } from './attachments.ts';
import { attachmentKind } from './content-type.ts';

const prefix = 'project/run/1.1-abcdef01';
const roomy: AttachmentLimits = { files: 1000, totalBytes: 100_000_000 };

interface Stage {
  readonly dir: string;
  readonly store: ObjectStore;
  readonly lines: string[];
  save(limits?: AttachmentLimits, dir?: string): ReturnType<typeof saveAttachments>;
  read(name: string): Promise<string | null>;
}

async function stage(context: CleansUp): Promise<Stage> {
  const root = await tempDir(context);
  const dir = join(root, 'attachments');
  await mkdir(dir);
  const store = await createDirectoryStore({ root: join(root, 'store'), clock: systemClock });
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const signal = new AbortController().signal;
  return {
    dir,
    store,
    lines,
    save: (limits = roomy, from = dir) =>
      saveAttachments({ dir: from, store, prefix, visibility: 'public', limits, signal, log }),
    read: async (name) => {
      const read = await store.get(`${prefix}/${name}`);
      return read === null ? null : (await buffer(read.body)).toString();
    },
  };
}

test('files are saved with their sub-directories, of a safe kind', async (context) => {
  const at = await stage(context);
  await mkdir(join(at.dir, 'shots/deep'), { recursive: true });
  await writeFile(join(at.dir, 'shots/deep/a b.png'), 'pixels');
  await writeFile(join(at.dir, 'page.html'), '<script>');
  await writeFile(join(at.dir, 'journal.log.gz'), 'packed');
  await writeFile(join(at.dir, 'empty'), '');
  const { saved, leftOut } = await at.save();
  const names = saved.map(({ name, sizeBytes }) => `${name} ${String(sizeBytes)}`);
  assert.deepEqual(names, ['empty 0', 'journal.log.gz 6', 'page.html 8', 'shots/deep/a b.png 6']);
  assert.deepEqual([leftOut, at.lines], [{}, []]);
  assert.equal(await at.read('shots/deep/a b.png'), 'pixels');
  const page = await at.store.get(`${prefix}/page.html`);
  assert.equal(page?.isDownload, true);
  page.body.destroy();
});

test('links, FIFOs and sockets are left out, counted and said', async (context) => {
  const at = await stage(context);
  await symlink('/', join(at.dir, 'root'));
  await symlink('/etc/passwd', join(at.dir, 'passwd'));
  await symlink('nowhere', join(at.dir, 'dangling'));
  await exec(['mkfifo', join(at.dir, 'fifo')], { env: { PATH: process.env['PATH'] ?? '' } });
  const server = createServer().listen(join(at.dir, 'socket'));
  context.after(() => void server.close());
  await once(server, 'listening');
  await writeFile(join(at.dir, 'real'), 'x');
  const { saved, leftOut } = await at.save();
  assert.deepEqual(saved, [{ name: 'real', sizeBytes: 1 }]);
  assert.deepEqual(leftOut, { link: 3, special: 2 });
  assert.deepEqual(at.lines.sort(), [
    'attachments: 2 not saved: FIFOs, sockets or devices',
    'attachments: 3 not saved: symbolic links',
  ]);
});

test('a directory that the job removed or made a link is said, and no reason to try again', async (context) => {
  const at = await stage(context);
  await rm(at.dir, { recursive: true });
  assert.deepEqual(await at.save(), { saved: [], leftOut: { 'no-directory': 1 } });
  await symlink('/etc', at.dir);
  assert.deepEqual(await at.save(), { saved: [], leftOut: { 'no-directory': 1 } });
  assert.match(at.lines[0] ?? '', /the directory for them is gone or cannot be read/);
});

test('a file and a folder that would get the same name are no reason to try again', async (context) => {
  const at = await stage(context);
  await writeFile(join(at.dir, 'log'), 'a file');
  await mkdir(join(at.dir, 'attached-log'));
  await writeFile(join(at.dir, 'attached-log/inside'), 'a file in a folder');
  const { saved, leftOut } = await at.save();
  assert.equal(saved.length, 1);
  assert.deepEqual(leftOut, { name: 1 });
});

test('names that are no keys are made so, and none escapes or takes the place of our files', async (context) => {
  const at = await stage(context);
  const names = [
    Buffer.from('new\nline'),
    Buffer.from([0x66, 0xff, 0xfe]),
    Buffer.from('n'.repeat(255)),
    Buffer.from('log'),
    Buffer.from('log.chunks'),
    Buffer.from('log.0-10'),
    Buffer.from('run.json'),
    Buffer.from('index.html'),
    Buffer.from('..\\..\\etc'),
    Buffer.from('...'),
  ];
  for (const name of names) await writeFile(Buffer.concat([Buffer.from(`${at.dir}/`), name]), name);
  const { saved } = await at.save();
  assert.equal(saved.length, names.length);
  for (const { name } of saved) assert.doesNotMatch(name, /^(?:log|log\..*|run\.json|index\.html)$/);
  for (const name of names) assert.equal(await at.read(attachmentName([name])), name.toString());
  const keys: string[] = [];
  for await (const { key } of at.store.list('')) keys.push(key);
  assert.deepEqual(
    keys.filter((key) => !key.startsWith(`${prefix}/`)),
    [],
  );
});

test('a path that no file system would give is still no way out', () => {
  const evil = ['..', '.', '', '../../etc/passwd', 'a/b', '/'].map((text) => Buffer.from(text));
  for (const part of evil) {
    const name = attachmentName([part, part]);
    assert.doesNotMatch(name, /(?:^|\/)\.{0,2}(?:\/|$)/, name);
    assert.equal(name.split('/').length, 2);
  }
  const deep = Array.from({ length: 60 }, () => Buffer.from('d'.repeat(200)));
  assert.ok(Buffer.byteLength(attachmentName(deep)) < 200);
  assert.notEqual(attachmentName(deep), attachmentName([...deep.slice(1), Buffer.from('e')]));
});

test('a folder named like our log does not stand in its way', async (context) => {
  const at = await stage(context);
  await mkdir(join(at.dir, 'log'));
  await writeFile(join(at.dir, 'log/a'), 'x');
  await at.save();
  await at.store.put(
    `${prefix}/log`,
    { bytes: Buffer.from('the log') },
    { contentType: 'text/plain', visibility: 'public' },
  );
  assert.equal(await at.read('attached-log/a'), 'x');
});

test('of 100,000 files as many are saved as may be, and the rest is counted', async (context) => {
  const at = await stage(context);
  // In memory where that is possible: on a busy disk so many files take minutes.
  const inMemory = existsSync('/dev/shm');
  const dir = await mkdtemp(join(inMemory ? '/dev/shm' : at.dir, 'gc-'));
  context.after(() => rm(dir, { recursive: true, force: true }));
  const folders = inMemory ? 10 : 1;
  for (let folder = 0; folder < folders; folder++) {
    mkdirSync(join(dir, String(folder)));
    for (let n = 0; n < 10_000; n++) closeSync(openSync(join(dir, String(folder), String(n)), 'w'));
  }
  const { saved, leftOut } = await at.save({ files: 100, totalBytes: 1000 }, dir);
  const left = folders * 10_000 - 100;
  assert.deepEqual([saved.length, leftOut], [100, { 'too-many': left }]);
  assert.deepEqual(at.lines, [`attachments: ${String(left)} not saved: files beyond the number allowed (100)`]);
});

test('a sparse file of a terabyte is not saved', async (context) => {
  const at = await stage(context);
  const handle = await open(join(at.dir, 'disk.img'), 'w');
  await handle.truncate(1024 ** 4);
  await handle.close();
  await writeFile(join(at.dir, 'small'), 'x');
  const { saved, leftOut } = await at.save();
  assert.deepEqual([saved.map(({ name }) => name), leftOut], [['small'], { 'too-large': 1 }]);
});

test('a file that grows or shrinks meanwhile does not spoil the others', async (context) => {
  const at = await stage(context);
  await writeFile(join(at.dir, 'grows'), 'x'.repeat(1_000_000));
  const shrinking = join(at.dir, 'shrinks');
  await writeFile(shrinking, 'y'.repeat(1_000_000));
  await writeFile(join(at.dir, 'still'), 'z');
  const put = at.store.put.bind(at.store);
  Object.assign(at.store, {
    put: async (...args: Parameters<typeof put>) => {
      appendFileSync(join(at.dir, 'grows'), 'more');
      if (args[0].endsWith('shrinks')) await writeFile(shrinking, 'y');
      await put(...args);
    },
  });
  const { saved, leftOut } = await at.save();
  assert.deepEqual(
    saved.map(({ name }) => name),
    ['grows', 'still'],
  );
  assert.deepEqual(leftOut, { changed: 1 });
  const grown = saved[0]?.sizeBytes ?? 0;
  assert.equal((await at.read('grows'))?.length, grown);
});

test('folders that are swapped for links while we look lead nowhere', async (context) => {
  const at = await stage(context);
  const outside = await tempDir(context);
  for (let n = 0; n < 20; n++) await writeFile(join(outside, `secret-${String(n)}`), 'SECRET');
  const inner = join(at.dir, 'a/b');
  await mkdir(inner, { recursive: true });
  for (let n = 0; n < 20; n++) await writeFile(join(inner, `mine-${String(n)}`), 'mine');
  const swap = 'while :; do mv a/b c; ln -s "$1" a/b; rm a/b; mv c a/b; done 2>/dev/null';
  const attacker = spawn('sh', ['-c', swap, 'sh', outside], { cwd: at.dir, stdio: 'ignore', detached: true });
  context.after(async () => {
    if (attacker.pid !== undefined) process.kill(-attacker.pid, 'SIGKILL');
    await once(attacker, 'close');
  });
  await once(attacker, 'spawn');
  for (let round = 0; round < 15; round++) await at.save({ files: 1_000_000, totalBytes: 1e12 });
  for await (const { key } of at.store.list('')) {
    assert.doesNotMatch(key, /secret/);
    assert.notEqual(await at.read(key.slice(prefix.length + 1)), 'SECRET');
  }
});

test('no descriptor stays open, also after a failing store', async (context) => {
  const at = await stage(context);
  await mkdir(join(at.dir, 'a/b/c'), { recursive: true });
  for (let n = 0; n < 50; n++) await writeFile(join(at.dir, 'a/b/c', String(n)), 'x');
  const before = (await readdir('/proc/self/fd')).length;
  await at.save();
  const put = () => Promise.reject(new Error('503 slow down'));
  Object.assign(at.store, { put });
  await assert.rejects(at.save(), /503/);
  assert.equal((await readdir('/proc/self/fd')).length, before);
});

test('only images and plain text are shown in place', () => {
  const shown = ['a.png', 'a.JPG', 'x/a.txt', 'a.log', 'journal', '.hidden', 'a.json', 'dir.html/readme'];
  const downloads = ['a.html', 'a.HTM', 'a.svg', 'a.xml', 'a.pdf', 'a.gz', 'a.js', 'a.unknown', 'a.png.html', 'a.'];
  for (const name of shown) assert.equal(attachmentKind(name).isDownload, false, name);
  for (const name of downloads) assert.equal(attachmentKind(name).isDownload, true, name);
  assert.equal(attachmentKind('log.gz').contentType, 'application/gzip');
  assert.equal(attachmentKind('constructor').contentType, 'text/plain; charset=utf-8');
  assert.equal(attachmentKind('a.constructor').contentType, 'application/octet-stream');
});

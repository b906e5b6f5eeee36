import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { exec, type ExecResult } from '../src/base/exec.ts';
import { findProgram, needs } from './support/needs.ts';
import { tempDir } from './support/temp-dir.ts';
import { until } from './support/until.ts';

const repository = join(import.meta.dirname, '..');

/** What the stub in place of src/cli/main.ts prints: its arguments, its flags and its working directory. */
const stub = `const { argv, execArgv } = process;
console.log(JSON.stringify({ args: argv.slice(2), execArgv, cwd: process.cwd() }));
`;

/** A fake npm notes each call, then does what `$FAKE_NPM` says. */
const fakeNpm = `#!/bin/sh
[ "$1" = config ] && { echo https://registry.example/; exit; }
echo "$*" >>"$FAKE_LOG"
rm -rf node_modules
mkdir -p node_modules/.bin
case $FAKE_NPM in
  offline) echo 'npm error code EAI_AGAIN' >&2; exit 1 ;;
  broken) echo 'npm error code EUSAGE' >&2; exit 1 ;;
  killed) kill -9 $PPID; exit 1 ;;
  no-node) exit ;;
  wrong-node) echo '#!/no/such/loader' >node_modules/.bin/node; chmod +x node_modules/.bin/node; exit ;;
  slow) touch "$FAKE_LOG.started"; while ! [ -e "$FAKE_LOG.go" ]; do sleep 0.02; done ;;
esac
ln -s "$FAKE_NODE" node_modules/.bin/node
`;

interface Checkout {
  readonly dir: string;
  readonly npmCalls: () => Promise<string[]>;
  /** Runs bin/groundcrew, or the program given, with only the fake npm and the usual tools in PATH. */
  readonly start: (args: readonly string[], more?: StartOptions) => Promise<ExecResult>;
}

interface StartOptions {
  readonly npm?: string;
  readonly program?: string;
  readonly cwd?: string;
  readonly path?: string;
  readonly onStderr?: (bytes: Uint8Array) => void;
}

/** A fresh clone's files, as far as bin/ looks at them. */
async function openCheckout(t: TestContext): Promise<Checkout> {
  const parent = await tempDir(t);
  const dir = join(parent, 'a clone');
  const tools = join(parent, 'tools');
  await mkdir(join(dir, 'bin'), { recursive: true });
  await mkdir(join(dir, 'src/cli'), { recursive: true });
  await mkdir(tools);
  for (const name of ['groundcrew', 'prepare']) await copyFile(join(repository, 'bin', name), join(dir, 'bin', name));
  await writeFile(join(dir, 'package-lock.json'), '{ "node_modules/a": {} }\n');
  await writeFile(join(dir, 'src/cli/main.ts'), stub);
  await writeFile(join(tools, 'npm'), fakeNpm);
  await chmod(join(tools, 'npm'), 0o755);
  const needed = 'sh cat chmod cmp cp dirname flock grep kill ln mkdir mktemp mv readlink rm sleep touch uname';
  for (const name of needed.split(' ')) {
    const program = findProgram(name);
    if (program !== null) await symlink(program, join(tools, name));
  }
  const log = join(parent, 'npm-calls');
  return {
    dir,
    npmCalls: async () => (await readFile(log, 'utf8').catch(() => '')).split('\n').slice(0, -1),
    start: (args, { npm = '', program = join(dir, 'bin/groundcrew'), cwd = parent, path = tools, onStderr } = {}) =>
      exec([program, ...args], {
        cwd,
        env: { PATH: path, HOME: parent, TMPDIR: parent, FAKE_LOG: log, FAKE_NPM: npm, FAKE_NODE: process.execPath },
        timeoutMs: 30_000,
        ...(onStderr && { onStderr }),
      }),
  };
}

test('a fresh clone installs its packages once, then starts with the pinned Node', async (t) => {
  const { dir, npmCalls, start } = await openCheckout(t);
  const first = await start(['run', 'a b', '']);
  assert.equal(first.exitCode, 0, String(first.stderr));
  const { args, execArgv } = JSON.parse(String(first.stdout)) as { args: string[]; execArgv: string[] };
  assert.deepEqual(args, ['run', 'a b', '']);
  assert.deepEqual(execArgv, ['--disable-warning=ExperimentalWarning', '--min-semi-space-size=16']);
  assert.match(String(first.stderr), /installing 1 packages/);

  const second = await start(['up']);
  assert.equal(String(second.stderr), '');
  const serving = JSON.parse(String(second.stdout)) as { execArgv: string[] };
  assert.deepEqual(serving.execArgv, ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=2']);
  assert.equal((await npmCalls()).length, 1);

  await writeFile(join(dir, 'package-lock.json'), '{ "node_modules/b": {} }\n');
  assert.equal((await start(['up'])).exitCode, 0);
  assert.equal((await npmCalls()).length, 2, 'a new lock file means new packages');
});

test('it starts through chained symbolic links and from any directory', async (t) => {
  const { dir, start } = await openCheckout(t);
  const links = await tempDir(t);
  await symlink(join(dir, 'bin/groundcrew'), join(links, 'far'));
  await symlink('far', join(links, 'groundcrew'));
  const viaLink = await start(['--version'], { program: join(links, 'groundcrew'), cwd: '/' });
  assert.equal((JSON.parse(String(viaLink.stdout)) as { cwd: string }).cwd, '/');
  const named = await exec(['sh', 'groundcrew', 'up'], {
    cwd: join(dir, 'bin'),
    env: { PATH: process.env['PATH'] ?? '', HOME: links },
  });
  assert.equal(named.exitCode, 0, String(named.stderr));
});

test('an install that was killed is done again', async (t) => {
  const { npmCalls, start } = await openCheckout(t);
  const killed = await start(['up'], { npm: 'killed' });
  assert.notEqual(killed.exitCode, 0);
  assert.equal((await start(['up'])).exitCode, 0);
  assert.equal((await npmCalls()).length, 2);
});

test('two first starts at once install once', async (t) => {
  const { dir, npmCalls, start } = await openCheckout(t);
  const first = start(['one'], { npm: 'slow' });
  await until(async () => (await npmCalls()).length === 1);
  let said = '';
  const second = start(['two'], { npm: 'slow', onStderr: (bytes) => (said += String(bytes)) });
  await until(() => said.includes('waiting for another groundcrew'));
  await writeFile(join(dir, '../npm-calls.go'), '');
  const [one, two] = await Promise.all([first, second]);
  assert.deepEqual([one.exitCode, two.exitCode], [0, 0], `${String(one.stderr)}${String(two.stderr)}`);
  assert.equal((await npmCalls()).length, 1);
});

test('being offline is explained in one line', async (t) => {
  const { start } = await openCheckout(t);
  const offline = await start(['up'], { npm: 'offline' });
  assert.equal(offline.exitCode, 3);
  assert.equal(String(offline.stdout), '');
  const lines = String(offline.stderr).trimEnd().split('\n').slice(1);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /cannot reach the npm registry https:\/\/registry\.example\/: .* go online or set a mirror/,
  );
});

test('any other failure of npm is shown in its own words', async (t) => {
  const { start } = await openCheckout(t);
  const broken = await start(['up'], { npm: 'broken' });
  assert.equal(broken.exitCode, 3);
  assert.match(String(broken.stderr), /EUSAGE[^]*npm ci failed/);
});

test('a missing npm is named', async (t) => {
  const { dir, start } = await openCheckout(t);
  await rm(join(dir, '../tools/npm'));
  const without = await start(['up']);
  assert.equal(without.exitCode, 3);
  assert.match(String(without.stderr), /npm is missing: install Node 18 or newer with npm/);
});

test('where no Node comes with the packages, a new enough one of the system serves', async (t) => {
  const { dir, start } = await openCheckout(t);
  for (const npm of ['no-node', 'wrong-node']) {
    const without = await start(['up'], { npm });
    assert.equal(without.exitCode, 3);
    assert.match(String(without.stderr), /install Node 24 or newer/);
  }
  await symlink(process.execPath, join(dir, '../tools/node'));
  for (const npm of ['no-node', 'wrong-node']) {
    await rm(join(dir, 'node_modules'), { recursive: true });
    const withIt = await start(['up'], { npm });
    assert.equal(withIt.exitCode, 0, String(withIt.stderr));
  }
});

test('a first start on a terminal shows that time passes, and is left with Ctrl-C', needs('python3'), async (t) => {
  const { dir, start } = await openCheckout(t);
  // A pseudo-terminal of Python's, since Node has none: it prints what the child wrote, then how it ended.
  const script = `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b' 1 s' not in seen:
    seen += os.read(fd, 1000)
os.write(fd, b'\\x03')
try:
    while True:
        seen += os.read(fd, 1000)
except OSError:
    pass
print(seen, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
  const path = `${join(dir, '../tools')}:${process.env['PATH'] ?? ''}`;
  const seen = await start(['-c', script, join(dir, 'bin/groundcrew'), 'up'], {
    program: findProgram('python3') ?? '',
    npm: 'slow',
    path,
  });
  assert.match(String(seen.stdout), /installing 1 packages … 0 s|installing 1 packages/);
  assert.match(String(seen.stdout), / -2$/m);
  assert.deepEqual(
    (await readdir(join(dir, '..'))).filter((name) => name.startsWith('tmp.')),
    [],
  );
});

test('the shell scripts are clean', needs('shellcheck'), async () => {
  const scripts = ['bin/groundcrew', 'bin/prepare', 'test/run', '.ci/run'];
  const { exitCode, stdout } = await exec(['shellcheck', ...scripts], { cwd: repository, env: { ...cleanEnv() } });
  assert.equal(exitCode, 0, String(stdout));
});

function cleanEnv(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/' };
}

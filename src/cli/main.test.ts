import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeRepo } from '../../test/support/git-repo.ts';
import { tempDir } from '../../test/support/temp-dir.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

interface End {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function groundcrew(words: readonly string[], around: { cwd?: string; env?: Record<string, string> } = {}): End {
  const end = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', main, ...words], {
    cwd: around.cwd ?? '/',
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...around.env },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { code: end.status, out: end.stdout, err: end.stderr };
}

test('--version prints the version of the package and nothing else', () => {
  const { code, out, err } = groundcrew(['--version']);
  assert.match(out, /^groundcrew \d+\.\d+\.\d+\n$/);
  assert.deepEqual([code, err], [0, '']);
});

test('without a command, and with --help, the commands are shown', () => {
  for (const words of [[], ['--help'], ['help']]) {
    const { code, out, err } = groundcrew(words);
    assert.equal(code, 0);
    assert.equal(err, '');
    for (const verb of ['up', 'server', 'run', 'trigger', 'runs', 'logs', 'queue', 'doctor', 'config']) {
      assert.match(out, new RegExp(`^  ${verb} `, 'm'));
    }
  }
});

for (const [words, line] of [
  [['rnus'], /^groundcrew: unknown command 'rnus'; did you mean runs\?$/],
  [['runs', '--jsn'], /^groundcrew: unknown option '--jsn'; did you mean --json\?$/],
  [['runs', 'x'], /^groundcrew: too many arguments for 'runs'\. Expected 0 arguments but got 1/],
  [['logs'], /^groundcrew: missing required argument 'run'/],
  [['config', 'chekc'], /^groundcrew: unknown command 'chekc'; did you mean check\?$/],
  [['up', '--port', 'x'], /^groundcrew: option '--port <number>' argument 'x' is invalid\. expected a whole number/],
  [['worker', '--label', 'A B'], /^groundcrew: option '--label <name>' argument 'A B' is invalid/],
  [['run', '--env', 'x'], /^groundcrew: option '--env <name=value>' argument 'x' is invalid\. expected NAME=VALUE/],
  [['run', '--timeout', '90', '.'], /^groundcrew: (--timeout: expected a duration|\.: is not a git)/],
  [['run', '/nonexistent'], /^groundcrew: \/nonexistent: there is no such directory$/],
  [['up', '/proc'], /^groundcrew: \/proc: is not a git repository; git init makes one$/],
  [['run', '--job', '/nonexistent.json'], /^groundcrew: \/nonexistent\.json: there is no such file$/],
  [['run', '--job', 'x', '--rev', 'y'], /^groundcrew: --job and --rev exclude each other/],
  [['trigger', 'a', 'main', '@@'], /^groundcrew: @@: is not a context/],
  [['completion', 'csh'], /^groundcrew: .*'csh' is invalid.*bash, zsh, fish/],
  [['config', 'check', '/nonexistent.yaml'], /^groundcrew: \/nonexistent\.yaml: there is no such file$/],
  [['runs', '--state-dir', '/x', '--config', '/dev/zero'], /^groundcrew: \/dev\/zero: is not a regular file$/],
  [['\u001b[31mx'], /^groundcrew: unknown command '\ufffd\[31mx'/],
] as const) {
  test(`${JSON.stringify(words)} is a mistake of the user: one line, exit status 2`, () => {
    const { code, out, err } = groundcrew(words);
    assert.match(err.trimEnd(), line);
    assert.equal(err.trimEnd().split('\n').length, 1, err);
    assert.deepEqual([code, out], [2, '']);
  });
}

test('config check names every mistake with file, line and key, and exits 2', async (context) => {
  const dir = await tempDir(context);
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(
    file,
    'server:\n  prot: 1\nprojects:\n  - name: a\n    path: .\n    checks:\n      - context: t\n        timeout: 5\n',
  );
  const { code, out, err } = groundcrew(['config', 'check', file]);
  assert.equal(
    err,
    `groundcrew: ${file}:2:3: server.prot: unknown key; did you mean 'port'?\n` +
      `groundcrew: ${file}:8:9: projects[0].checks[0].timeout: expected a duration such as 90s, 15m, 2h or 1h30m, found the number 5\n`,
  );
  assert.deepEqual([code, out], [2, '']);
});

test('config check of a good file, and of none, exits 0', async (context) => {
  const dir = await tempDir(context);
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, 'server: {port: 0}\n');
  assert.deepEqual(groundcrew(['config', 'check'], { env: { GROUNDCREW_CONFIG: file } }), {
    code: 0,
    // The version of a policy without projects.
    out: `${file}: ok, policy 4f53cda18c2b\n`,
    err: '',
  });
  assert.equal(groundcrew(['config', 'check']).code, 0);
});

test('config show prints each value with its origin, and no secret', async (context) => {
  const dir = await tempDir(context);
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, 'server:\n  port: 1234\nsecrets:\n  token: {env: MY_TOKEN}\n');
  const { code, out } = groundcrew(['config', 'show', '--config', file], { env: { MY_TOKEN: 'hunter2' } });
  assert.equal(code, 0);
  assert.match(out, new RegExp(`^server.port: 1234  # ${file}:2$`, 'm'));
  assert.match(out, /^worker\.executor: "auto" {2}# default$/m);
  assert.match(out, /^secrets: \{"token":\{"env":"MY_TOKEN"\}\}/m);
  assert.doesNotMatch(out, /hunter2/);
  const shown = JSON.parse(groundcrew(['config', 'show', '--json', '--config', file]).out) as Record<string, unknown>;
  assert.deepEqual(shown['server.port'], { value: 1234, origin: `${file}:2` });
});

test('config schema prints a JSON Schema', () => {
  const schema = JSON.parse(groundcrew(['config', 'schema']).out) as Record<string, unknown>;
  assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
});

test('up, server, worker and run say with --dry-run what they would do, and make no state', async (context) => {
  const dir = await tempDir(context);
  const repo = join(dir, 'my project');
  makeRepo(repo);
  const state = join(dir, 'state');
  const env = { GROUNDCREW_STATE_DIR: state };
  const up = groundcrew(['up', '-n', '--slots', '3', '--port', '0'], { cwd: repo, env });
  assert.equal(up.err, '');
  assert.match(up.out, /^watches {2}my-project {2}.*\/my project$/m);
  assert.match(up.out, /^worker {3}executor auto, slots 3$/m);
  assert.match(groundcrew(['server', '-n', repo], { env }).out, /^state +.*\/state$/m);
  assert.match(
    groundcrew(['worker', '-n', '--label', 'kvm', '--label', 'arch:arm64'], { env }).out,
    /default \+ kvm \+ arch/,
  );
  const job = join(dir, 'job.json');
  writeFileSync(job, '{"repo": "a", "branch": "main", "timeout": 5}');
  assert.match(
    groundcrew(['run', '-n', '--job', job], { env }).out,
    /^commit {5}main\ncontext {4}test\ntimeout {4}5m$/m,
  );
  assert.match(
    groundcrew(['run', '-n', '--rev', 'v1', '--command', 'make'], { cwd: repo, env }).out,
    /^command {4}sh -c make$/m,
  );
  assert.ok(!existsSync(state));
});

test('completion scripts are ones that their shells read', () => {
  const script = groundcrew(['completion', 'bash']).out;
  const probe =
    `${script}\nCOMP_WORDS=(groundcrew hook in); COMP_CWORD=2; _groundcrew; echo "\${COMPREPLY[@]}"\n` +
    'COMP_WORDS=(groundcrew runs --js); COMP_CWORD=2; _groundcrew; echo "${COMPREPLY[@]}"\n';
  const bash = spawnSync('bash', ['--norc', '-c', probe], { encoding: 'utf8' });
  assert.equal(bash.stdout, 'install\n--json\n', bash.stderr);
  assert.match(groundcrew(['completion', 'fish']).out, /^complete -c groundcrew -n '.*' -a runs -d 'list runs/m);
  assert.match(groundcrew(['completion', 'zsh']).out, /bashcompinit/);
});

test('a reader that has seen enough ends it quietly', async () => {
  const child = spawn(process.execPath, [main, 'config', 'schema'], {
    env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
  assert.doesNotMatch(err, /EPIPE/);
});

test('GROUNDCREW_DEBUG=1 shows where an error comes from', () => {
  const { code, err } = groundcrew(['run', '/nonexistent'], { env: { GROUNDCREW_DEBUG: '1' } });
  assert.equal(code, 2);
  assert.match(err, /^\[cli\/no-repository\] UsageError: /m);
  assert.match(err, /find-repository\.ts/);
});

test('nothing is coloured in a pipe, unless FORCE_COLOR asks for it', () => {
  assert.ok(!groundcrew(['run', '/nonexistent']).err.includes('\u001b'));
  assert.ok(groundcrew(['run', '/nonexistent'], { env: { FORCE_COLOR: '1' } }).err.includes('\u001b[31m'));
});

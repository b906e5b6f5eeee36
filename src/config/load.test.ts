import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError } from './config-error.ts';
import { loadConfig, readConfig } from './load.ts';

const dir = mkdtempSync(join(tmpdir(), 'groundcrew-config-'));
after(() => {
  rmSync(dir, { recursive: true, force: true });
});

function problemsOf(text: string | Buffer): string[] {
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, text);
  try {
    readConfig(file);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n').map((line) => line.replace(`${dir}/`, ''));
  }
  return [];
}

const bad: readonly (readonly [string, string, ...string[]])[] = [
  ['an unclosed bracket', 'projects: [', 'groundcrew.yaml:1:12: broken YAML: Flow sequence in block collection must'],
  ['an unclosed quote', 'stateDir: "x\n', 'groundcrew.yaml:2:1: broken YAML: Missing closing "quote'],
  ['bad indentation', 'server:\n   port: 1\n  host: x\n', 'groundcrew.yaml:3:1: broken YAML:'],
  ['a tab as indentation', 'server:\n\tport: 1\n', 'groundcrew.yaml:2:1: a tab cannot indent YAML; use spaces'],
  ['a key written twice', 'server: {}\nserver: {}\n', 'groundcrew.yaml:2:1: this key is written twice; keep one'],
  ['two documents', 'server: {}\n---\nserver: {}\n', 'groundcrew.yaml:2:1: holds several documents; keep one'],
  ['an unknown tag', 'stateDir: !js x\n', 'groundcrew.yaml:1:11: uses a tag that is not known here; remove it'],
  ['an alias without an anchor', 'server: *nothing\n', 'groundcrew.yaml:1:9: this alias has no anchor before it'],
  ['a list for the whole', '- a\n', 'groundcrew.yaml:1:1: expected a mapping of settings, found a list'],
  ['text for the whole', 'hello\n', 'groundcrew.yaml:1:1: expected a mapping of settings, found the text "hello"'],
  ['a number as text', 'stateDir: 3\n', 'groundcrew.yaml:1:1: stateDir: expected text, found the number 3'],
  [
    'text as a number',
    'server:\n  port: "80"\n',
    'groundcrew.yaml:2:3: server.port: expected a number, found the text "80"',
  ],
  [
    'a fraction',
    'server:\n  port: 80.5\n',
    'groundcrew.yaml:2:3: server.port: expected a whole number, found the number 80.5',
  ],
  ['a port that is none', 'server:\n  port: 70000\n', 'groundcrew.yaml:2:3: server.port: must be at most 65535'],
  ['too few slots', 'worker: {slots: 0}\n', 'groundcrew.yaml:1:10: worker.slots: must be at least 1'],
  ['an unknown key at the top', 'workers: {}\n', "groundcrew.yaml:1:1: workers: unknown key; did you mean 'worker'?"],
  [
    'an unknown key deep down',
    'projects:\n  - name: a\n    path: /a\n    checks:\n      - context: test\n        timeoot: 1h\n',
    "groundcrew.yaml:6:9: projects[0].checks[0].timeoot: unknown key; did you mean 'timeout'?",
  ],
  [
    'an unknown key that resembles none',
    'store:\n  zzz: 1\n',
    'groundcrew.yaml:2:3: store.zzz: unknown key; known are ca, dir, http, mirrors, s3',
  ],
  [
    'a duration without unit',
    'worker:\n  grace: 90\n',
    'groundcrew.yaml:2:3: worker.grace: expected a duration such as 90s, 15m, 2h or 1h30m, found the number 90',
  ],
  [
    'a retention so short that messages would outlive their run',
    'retention:\n  runs: 2h\n',
    'groundcrew.yaml:2:3: retention.runs: expected at least 1d: for so long messages about a run may be on their way, found the text "2h"',
  ],
  [
    'a size that is none',
    'defaults:\n  limits:\n    memory: much\n',
    'groundcrew.yaml:3:5: defaults.limits.memory: expected a size such as 512M, 64MiB or 2G, or none, found the text "much"',
  ],
  [
    'a secret written out, which is not shown again',
    'secrets:\n  token: hunter2\n',
    'groundcrew.yaml:2:3: secrets.token: must be a reference, {file: PATH} or {env: NAME}; a secret itself is never written here',
  ],
  [
    'a secret that is not configured',
    'secrets: {token: {env: T}}\nprojects:\n  - {name: a, path: /a, checks: [{context: test, secrets: [tokem]}]}\n',
    "groundcrew.yaml:3:60: projects[0].checks[0].secrets[0]: is not a name under secrets: 'tokem'; did you mean 'token'?",
  ],
  [
    'a project without a place',
    'projects:\n  - name: a\n',
    'groundcrew.yaml:2:5: projects[0]: needs either path or url',
  ],
  ['a project without a name', 'projects:\n  - path: /a\n', 'groundcrew.yaml:2:5: projects[0].name: is missing'],
  [
    'two projects of one name',
    'projects:\n  - {name: a, path: /a}\n  - {name: a, path: /b}\n',
    "groundcrew.yaml:3:6: projects[1].name: is the name of two projects: 'a'",
  ],
  [
    'a password in an address',
    'projects:\n  - {name: a, url: "https://me:pass@example.org/a"}\n',
    'groundcrew.yaml:2:15: projects[0].url: holds a password; use a credential helper or an ssh key instead',
  ],
  [
    'an address that runs a program',
    'projects:\n  - {name: a, url: "ext::sh -c id"}\n',
    'groundcrew.yaml:2:15: projects[0].url: expected an https, ssh, git or file address, found the text "ext::sh -c id"',
  ],
  [
    'a variable that is no text',
    'defaults:\n  env:\n    JOBS: 8\n',
    'groundcrew.yaml:3:5: defaults.env.JOBS: expected text (put the value in quotes), found the number 8',
  ],
  [
    'a variable name that is none',
    'defaults:\n  env:\n    "A B": x\n',
    'groundcrew.yaml:3:5: defaults.env["A B"]: expected a variable name of letters, digits and _',
  ],
  [
    'a word that is not one of the words',
    'worker:\n  executor: lxc\n',
    'groundcrew.yaml:2:3: worker.executor: expected auto, podman, docker or process, found the text "lxc"',
  ],
  [
    'several mistakes, all told in the order of the file',
    'server:\n  prot: 1\nworker:\n  slots: many\nlogs: 3\n',
    "groundcrew.yaml:2:3: server.prot: unknown key; did you mean 'port'?",
    'groundcrew.yaml:4:3: worker.slots: expected a number, found the text "many"',
    'groundcrew.yaml:5:1: logs: expected a mapping, found the number 3',
  ],
  [
    'a forge without a way in',
    'forges:\n  github:\n    kind: github\n',
    'groundcrew.yaml:2:3: forges.github: needs either token or app',
  ],
  [
    'a token written out, which is not shown again',
    'forges: {github: {kind: github, token: ghp_1}}\n',
    'groundcrew.yaml:1:33: forges.github.token: must be a reference, {file: PATH} or {env: NAME}; a secret itself is never written here',
  ],
  [
    'a token that would travel in the clear',
    'forges: {github: {kind: github, token: {env: T}, apiUrl: "http://ghe.example.org/api/v3"}}\n',
    'groundcrew.yaml:1:50: forges.github.apiUrl: expected an https address: a token travels to it; http only on this machine, found',
  ],
  [
    'an unknown key of a forge',
    'forges:\n  github:\n    kind: github\n    token: {env: T}\n    webhookSecret: {env: W}\n',
    "groundcrew.yaml:5:5: forges.github.webhookSecret: unknown key; did you mean 'webhookSecrets'?",
  ],
  [
    'the forge of plain repositories under another kind',
    'forges: {git: {kind: github, token: {env: T}}}\n',
    'groundcrew.yaml:1:10: forges.git: git is the name of plain repositories; take another',
  ],
  [
    'a project of a forge that is not there',
    'forges: {github: {kind: github, token: {env: T}}}\nprojects: [{name: o/r, forge: gitub}]\n',
    "groundcrew.yaml:2:24: projects[0].forge: is not a name under forges: 'gitub'; did you mean 'github'?",
  ],
  [
    'a project of a forge that is not called owner/repo',
    'forges: {github: {kind: github, token: {env: T}}}\nprojects: [{name: r, forge: github}]\n',
    'groundcrew.yaml:2:13: projects[0].name: expected OWNER/REPO, as the forge names it, found the text "r"',
  ],
  [
    'a project in two places',
    'forges: {github: {kind: github, token: {env: T}}}\nprojects: [{name: o/r, forge: github, path: /r}]\n',
    'groundcrew.yaml:2:12: projects[0]: has more than one of path, url and forge',
  ],
  [
    'both a context and images',
    'projects: [{name: a, path: /a, checks: [{context: test, image: [x]}]}]\n',
    'groundcrew.yaml:1:57: projects[0].checks[0].image: is given beside context; give one of the two',
  ],
  [
    'a scenario without an image',
    'projects: [{name: a, path: /a, checks: [{context: test, scenario: [x]}]}]\n',
    'groundcrew.yaml:1:57: projects[0].checks[0].scenario: needs image',
  ],
  [
    'a check without a name',
    'projects: [{name: a, path: /a, checks: [{manual: true}]}]\n',
    'groundcrew.yaml:1:41: projects[0].checks[0]: needs a context, or image with or without scenario',
  ],
  [
    'a product that makes a context twice',
    'projects: [{name: a, path: /a, checks: [{context: x/y}, {image: [x], scenario: [z, y]}]}]\n',
    "groundcrew.yaml:1:58: projects[0].checks[1].image: is the context of two checks: 'x/y'",
  ],
  [
    'path filters that filter nothing',
    'projects: [{name: a, path: /a, checks: [{context: x, paths: {}}]}]\n',
    'groundcrew.yaml:1:54: projects[0].checks[0].paths: needs only or not',
  ],
  [
    'a schedule with seconds, one that never comes, and an unknown time zone',
    'projects:\n  - name: a\n    path: /a\n    schedules:\n' +
      '      - {name: a, cron: "0 0 2 * * *", branch: main}\n' +
      '      - {name: b, cron: "0 2 30 2 *", branch: main}\n' +
      '      - {name: c, cron: "0 2 * * *", branch: main, timezone: Europe/Atlantis}\n',
    'groundcrew.yaml:5:19: projects[0].schedules[0].cron: expected five fields such as 0 2 * * * (minute, hour, day, month, weekday), found',
    'groundcrew.yaml:6:19: projects[0].schedules[1].cron: never comes',
    'groundcrew.yaml:7:52: projects[0].schedules[2].timezone: expected a time zone such as Europe/Berlin, found',
  ],
  [
    'two schedules of one name',
    'projects:\n  - name: a\n    path: /a\n    schedules: [{name: n, cron: "@daily", branch: a}, {name: n, cron: "@daily", branch: b}]\n',
    "groundcrew.yaml:4:56: projects[0].schedules[1].name: is the name of two schedules: 'n'",
  ],
  [
    'issues where there are none',
    'projects: [{name: a, path: /a, issues: true}]\n',
    'groundcrew.yaml:1:32: projects[0].issues: needs a forge: a plain repository has no issues',
  ],
  [
    'what plain repositories understand, said to a forge',
    'forges: {github: {kind: github, token: {env: T}}}\nprojects: [{name: o/r, forge: github, trustPulls: true, poll: 5m}]\n',
    'groundcrew.yaml:2:39: projects[0].trustPulls: is for plain repositories; say trust',
    'groundcrew.yaml:2:57: projects[0].poll: is for plain repositories; webhooks and the scan tell of a forge',
  ],
  ['__proto__ as a key', '__proto__: {server: {}}\n', 'groundcrew.yaml:1:1: __proto__: unknown key; known are'],
  ['a NUL', '\u0000', 'groundcrew.yaml:1:1: expected a mapping of settings, found the text "\\u0000"'],
];

for (const [what, text, ...expected] of bad) {
  test(`refuses ${what}`, () => {
    const problems = problemsOf(text);
    assert.equal(problems.length, expected.length, problems.join('\n'));
    for (const [index, start] of expected.entries()) {
      const problem = problems[index] ?? '';
      assert.ok(problem.startsWith(start), `${problem}\nshould begin with\n${start}`);
    }
  });
}

test('a secret that is written out does not appear in the message', () => {
  assert.doesNotMatch(problemsOf('secrets:\n  token: hunter2\n').join('\n'), /hunter2/);
  assert.doesNotMatch(problemsOf('forges: {github: {kind: github, token: ghp_1}}').join('\n'), /ghp_1/);
});

test('refuses an anchor bomb in no time', () => {
  const lines = ['a: &a [x,x,x,x,x,x,x,x,x]'];
  for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef', 'fg', 'gh', 'hi']) {
    lines.push(`${String(to)}: &${String(to)} [${Array.from({ length: 9 }, () => `*${String(from)}`).join(',')}]`);
  }
  const startedAt = performance.now();
  assert.deepEqual(problemsOf(lines.join('\n')), ['groundcrew.yaml: uses too many aliases; write the values out']);
  assert.ok(performance.now() - startedAt < 2000);
});

test('refuses brackets nested without end', () => {
  const [first, ...others] = problemsOf('['.repeat(100_000));
  assert.match(first ?? '', /nested too deeply|broken YAML/);
  assert.ok(others.length <= 20);
});

test('refuses a file over 1 MiB, one that is no file, and one that is not there', () => {
  assert.deepEqual(problemsOf(`# ${'x'.repeat(1024 * 1024)}`), [
    'groundcrew.yaml: is larger than 1 MiB, which no configuration is',
  ]);
  assert.deepEqual(problemsOf(Buffer.from([0x61, 0xff, 0xfe])), ['groundcrew.yaml: is not UTF-8 text']);
  assert.throws(() => readConfig('/dev/zero'), /^ConfigError: \/dev\/zero: is not a regular file$/);
  assert.throws(() => readConfig(dir), /is not a regular file$/);
  assert.throws(() => readConfig(join(dir, 'absent.yaml')), /there is no such file$/);
});

test('aliases and anchors that repeat a little are fine', () => {
  assert.deepEqual(
    problemsOf(
      'projects:\n  - {name: a, path: /a, checks: [&c {context: test}]}\n  - {name: b, path: /b, checks: [*c]}\n',
    ),
    [],
  );
});

test('nothing configured, or a file of comments, means all defaults', () => {
  const home = join(dir, 'home');
  mkdirSync(home, { recursive: true });
  const bare = loadConfig({ env: { HOME: home }, cwd: dir, option: null });
  assert.equal(bare.file, null);
  assert.equal(bare.config.server.port, 8250);
  assert.deepEqual(problemsOf('# nothing\n'), []);
  assert.deepEqual(problemsOf(''), []);
});

test('--config goes before $GROUNDCREW_CONFIG, which goes before the XDG file; a repository’s own file is not read', () => {
  const home = join(dir, 'home2');
  mkdirSync(join(home, '.config/groundcrew'), { recursive: true });
  const write = (file: string, port: number): string => {
    writeFileSync(file, `server: {port: ${String(port)}}\n`);
    return file;
  };
  const option = write(join(dir, 'option.yaml'), 1);
  const variable = write(join(dir, 'variable.yaml'), 2);
  write(join(home, '.config/groundcrew/groundcrew.yaml'), 3);
  const repository = join(dir, 'repository');
  mkdirSync(repository);
  write(join(repository, 'groundcrew.yaml'), 4);
  const portOf = (env: Record<string, string>, given: string | null): number =>
    loadConfig({ env: { HOME: home, ...env }, cwd: repository, option: given }).config.server.port;
  assert.equal(portOf({ GROUNDCREW_CONFIG: variable }, '../option.yaml'), 1);
  assert.equal(portOf({ GROUNDCREW_CONFIG: variable }, null), 2);
  assert.equal(portOf({}, null), 3);
  assert.equal(portOf({ XDG_CONFIG_HOME: join(dir, 'elsewhere') }, null), 8250);
  assert.equal(loadConfig({ env: {}, cwd: '/', option }).file, option);
});

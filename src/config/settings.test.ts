import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configJsonSchema, configSchema } from './schema.ts';
import { effectiveValues } from './effective-values.ts';
import { formatPath } from './config-error.ts';
import { parseYaml } from './read-yaml.ts';
import type { LoadedConfig } from './load.ts';
import { forgeReferences } from './forge-settings.ts';
import { settingsOf, type Settings } from './settings.ts';

function loaded(text: string): LoadedConfig {
  const yaml = parseYaml(text, '/etc/groundcrew/groundcrew.yaml');
  return { config: configSchema.parse(yaml.value), file: yaml.file, yaml };
}

const settings = (text: string, env: Record<string, string> = {}): Settings =>
  settingsOf(loaded(text), { env: { HOME: '/home/u', ...env }, cwd: '/here', stateDir: null });

const example = `
stateDir: ~/state
server: {publicUrl: 'https://ci.example.org/'}
defaults:
  env: {LANG: C.UTF-8, JOBS: '4'}
  timeout: 45m
  limits: {memory: 4G, cpus: 1.5}
projects:
  - name: a
    path: src/a
    integration: rebase
    checks:
      - context: test
        env: {JOBS: '8'}
        limits: {memory: none, pids: 100}
      - context: fedora-44/storage
        command: [make, check]
        integration: none
        priority: 9
        manual: true
  - {name: b, url: 'https://example.org/b.git', poll: 5m}
secrets:
  token: {file: keys/token}
`;

test('paths are absolute: at home with ~, else beside the configuration file', () => {
  const { paths, projects, secrets } = settings(example);
  assert.equal(paths.stateDir, '/home/u/state');
  assert.equal(projects[0]?.path, '/etc/groundcrew/src/a');
  assert.equal(projects[1]?.url, 'https://example.org/b.git');
  assert.deepEqual(secrets, { token: { file: '/etc/groundcrew/keys/token' } });
});

test('--state-dir goes before $GROUNDCREW_STATE_DIR, which goes before the file', () => {
  assert.equal(settings(example, { GROUNDCREW_STATE_DIR: 'x' }).paths.stateDir, '/here/x');
  const given = settingsOf(loaded(example), { env: { GROUNDCREW_STATE_DIR: '/x' }, cwd: '/here', stateDir: 'y' });
  assert.equal(given.paths.stateDir, '/here/y');
});

test('a check starts from the defaults and the project, and says what differs', () => {
  const [first, second] = settings(example).projects[0]?.policy.checks ?? [];
  assert.deepEqual(first?.env, { LANG: 'C.UTF-8', JOBS: '8' });
  assert.equal(first.timeoutMs, 45 * 60_000);
  assert.equal(first.integration, 'rebase');
  assert.equal(first.limits.memoryBytes, null);
  assert.equal(first.limits.pids, 100);
  assert.equal(first.limits.cpus, 1.5);
  assert.deepEqual(second?.command, ['make', 'check']);
  assert.equal(second.limits.memoryBytes, 4 * 2 ** 30);
  assert.equal(second.integration, 'none');
  assert.equal(second.isManual, true);
});

test('the public address loses its last slash', () => {
  assert.equal(settings(example).server.publicUrl, 'https://ci.example.org');
});

test('every value in force is told with its origin', () => {
  const told = new Map(
    effectiveValues(loaded(example)).map(({ path, value, origin }) => [formatPath(path), [value, origin]]),
  );
  assert.deepEqual(told.get('defaults.timeout'), ['45m', '/etc/groundcrew/groundcrew.yaml:6']);
  assert.deepEqual(told.get('worker.executor'), ['auto', 'default']);
  assert.deepEqual(told.get('projects[0].name'), ['a', '/etc/groundcrew/groundcrew.yaml:9']);
  assert.deepEqual(told.get('projects[0].checks[1].priority'), [9, '/etc/groundcrew/groundcrew.yaml:19']);
  assert.deepEqual(told.get('projects[1].branches'), [null, 'default']);
  assert.deepEqual(told.get('secrets'), [{ token: { file: 'keys/token' } }, '/etc/groundcrew/groundcrew.yaml:22']);
});

const onGitHub = `
forges:
  github: {kind: github, token: {file: keys/github}, webhookSecrets: [{env: NEW}, {env: OLD}]}
  ghe:
    kind: github
    apiUrl: https://git.example.org/api/v3/
    app: {id: 12, key: {file: ~/app.pem}}
    statuses: {prefix: crew/}
projects:
  - name: o/r
    forge: github
    trust: {users: [ada], permission: none}
    checks:
      - {image: [fedora-44, debian-13], scenario: [storage, networking], needs: [kvm]}
      - {image: [arch]}
`;

test('a product of images and scenarios is a check for each pair, images first', () => {
  const [project] = settings(onGitHub).projects;
  assert.deepEqual(
    project?.policy.checks.map(({ context, needs }) => [context, needs]),
    [
      ['fedora-44/storage', ['kvm']],
      ['fedora-44/networking', ['kvm']],
      ['debian-13/storage', ['kvm']],
      ['debian-13/networking', ['kvm']],
      ['arch', []],
    ],
  );
});

test('a forge has the addresses that belong together, and its secrets stay references', () => {
  const [github, enterprise] = settings(onGitHub).forges;
  assert.deepEqual(github, {
    name: 'github',
    kind: 'github',
    apiUrl: 'https://api.github.com',
    webUrl: 'https://github.com',
    auth: { kind: 'token', token: { file: '/etc/groundcrew/keys/github' }, fetchToken: null },
    webhookSecrets: [{ env: 'NEW' }, { env: 'OLD' }],
    statuses: { kind: 'post' },
  });
  assert.equal(enterprise?.apiUrl, 'https://git.example.org/api/v3');
  assert.equal(enterprise.webUrl, 'https://git.example.org');
  assert.deepEqual(enterprise.auth, { kind: 'app', appId: '12', privateKey: { file: '/home/u/app.pem' } });
  assert.deepEqual(enterprise.statuses, { kind: 'prefix', prefix: 'crew/' });
  assert.deepEqual(Object.keys(forgeReferences(settings(onGitHub).forges)), [
    'forges.github.token',
    'forges.github.webhookSecrets[0]',
    'forges.github.webhookSecrets[1]',
    'forges.ghe.app.key',
  ]);
});

test('a project of a forge watches main and master, and trusts whom it names', () => {
  const [project] = settings(onGitHub).projects;
  assert.deepEqual(project?.branches, ['main', 'master']);
  assert.deepEqual(project.trust, { users: ['ada'], organisations: [], teams: [], permission: 'none' });
  assert.deepEqual(settings('projects: [{name: a, path: /a}]').projects[0]?.branches, ['**']);
});

test('what a project says about drafts, paths, schedules and issues reaches its policy', () => {
  const text = `
forges: {github: {kind: github, token: {env: T}}}
projects:
  - name: o/r
    forge: github
    drafts: false
    issues: true
    noTest: {title: null}
    schedules: [{name: nightly, cron: 0 2 * * *, branch: main, issue: true}]
    checks: [{context: docs, paths: {only: [docs/]}}]
`;
  const policy = settings(text).projects[0]?.policy;
  assert.equal(policy?.testsDrafts, false);
  assert.equal(policy.reportsIssues, true);
  assert.deepEqual(policy.noTest, { label: 'no-test', title: null });
  assert.equal(policy.botsRepo, 'cockpit-project/bots');
  assert.deepEqual(policy.checks[0]?.paths, { only: ['docs/'], not: [] });
  assert.deepEqual(policy.schedules, [
    { name: 'nightly', cron: '0 2 * * *', timezone: 'UTC', branch: 'main', contexts: ['**'], reportsIssue: true },
  ]);
});

test('what a forge leaves out is told with its default', () => {
  const told = new Map(
    effectiveValues(loaded(onGitHub)).map(({ path, value, origin }) => [formatPath(path), [value, origin]]),
  );
  assert.deepEqual(told.get('forges.github.apiUrl'), ['https://api.github.com', 'default']);
  assert.deepEqual(told.get('forges.ghe.statuses'), [{ prefix: 'crew/' }, '/etc/groundcrew/groundcrew.yaml:8']);
});

test('every key of the schema has a description, and every section refuses unknown keys', () => {
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const { properties, items, additionalProperties, anyOf } = schema as {
      properties?: Record<string, unknown>;
      items?: unknown;
      additionalProperties?: unknown;
      anyOf?: readonly unknown[];
    };
    if (properties !== undefined) {
      assert.equal(additionalProperties, false, path);
      for (const [key, inner] of Object.entries(properties)) {
        assert.ok((inner as { description?: string }).description, `${path}.${key} has no description`);
        visit(inner, `${path}.${key}`);
      }
    }
    visit(items, `${path}[]`);
    visit(additionalProperties, `${path}.*`);
    // What a reference to a secret holds, and what a prefix is, the union says.
    for (const inner of anyOf ?? []) visit((inner as { items?: unknown }).items, `${path}[]`);
  };
  visit(configJsonSchema(), 'config');
});

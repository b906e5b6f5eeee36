import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configJsonSchema, configSchema } from './schema.ts';
import { effectiveValues } from './effective-values.ts';
import { formatPath } from './config-error.ts';
import { parseYaml } from './read-yaml.ts';
import type { LoadedConfig } from './load.ts';
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
  assert.deepEqual(told.get('projects[1].branches'), [['**'], 'default']);
  assert.deepEqual(told.get('secrets'), [{ token: { file: 'keys/token' } }, '/etc/groundcrew/groundcrew.yaml:22']);
});

test('every key of the schema has a description, and every section refuses unknown keys', () => {
  const visit = (schema: unknown, path: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const { properties, items } = schema as { properties?: Record<string, unknown>; items?: unknown };
    if (properties !== undefined) {
      assert.equal((schema as { additionalProperties?: unknown }).additionalProperties, false, path);
      for (const [key, inner] of Object.entries(properties)) {
        assert.ok((inner as { description?: string }).description, `${path}.${key} has no description`);
        visit(inner, `${path}.${key}`);
      }
    }
    visit(items, `${path}[]`);
  };
  visit(configJsonSchema(), 'config');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importTestMap } from '../decide/import-test-map.ts';
import { parseYaml } from './read-yaml.ts';
import { configSchema } from './schema.ts';
import { settingsOf, type Settings } from './settings.ts';
import { testMapYaml } from './test-map-yaml.ts';

function yamlOf(map: unknown): string {
  const imported = importTestMap(map, { rhelPool: 'inside' });
  assert.equal(imported.kind, 'imported');
  return testMapYaml({ source: 'map.json', forge: 'github', ...imported });
}

function settingsIn(text: string): Settings {
  const yaml = parseYaml(text, '/c/groundcrew.yaml');
  const loaded = { config: configSchema.parse(yaml.value), file: '/c/groundcrew.yaml', yaml };
  return settingsOf(loaded, { env: { HOME: '/home/u' }, cwd: '/', stateDir: null });
}

test('a test map becomes a configuration that is valid as it is, and means the same', () => {
  const text = yamlOf({
    'cockpit-project/cockpit': {
      main: ['fedora-44/storage', 'fedora-44/devel', 'rhel-10-2', 'arch@bots#12', 'x@cockpit-project/podman/main'],
      'rhel-8': ['rhel-8-10'],
      _manual: ['fedora-rawhide'],
    },
  });
  const [project] = settingsIn(text).projects;
  assert.equal(project?.forge, 'github');
  assert.deepEqual(project.branches, ['main', 'rhel-8']);
  assert.deepEqual(
    project.policy.checks.map(({ context, isManual, branches, pool, needs }) => [
      context,
      isManual ? 'manual' : branches.join(),
      pool,
      needs.join(),
    ]),
    [
      ['fedora-44/storage', 'main', 'default', 'kvm'],
      ['fedora-44/devel', 'main', 'default', 'kvm'],
      ['rhel-10-2', 'main', 'inside', 'kvm'],
      ['arch@bots#12', 'main', 'default', 'kvm'],
      ['x@cockpit-project/podman/main', 'main', 'default', 'kvm'],
      ['rhel-8-10', 'rhel-8', 'inside', 'kvm'],
      ['fedora-rawhide', 'manual', 'default', 'kvm'],
    ],
  );
});

test('a project without contexts gets no default check, but a comment', () => {
  const text = yamlOf({ 'cockpit-project/bots': { main: [] }, 'o/r': { main: ['arch'] } });
  assert.deepEqual(
    settingsIn(text).projects.map(({ name }) => name),
    ['o/r'],
  );
  assert.match(text, /^ {2}# cockpit-project\/bots: left out, since no context is tested there$/m);
  assert.deepEqual(settingsIn(yamlOf({ 'cockpit-project/bots': { main: [] } })).projects, []);
});

test('what is not taken over stands in comments, and nothing in a map writes a line of its own', () => {
  const text = yamlOf({
    'codeberg:lis/app': { main: ['test'] },
    'o/r': { main: ['ok', 'bad context', 'true', 'a:b', '- c', '#d'], '_m\nprojects: evil': ['x'] },
    'no\nforges: {evil: 1}': {},
  });
  const settings = settingsIn(text);
  assert.deepEqual(
    settings.forges.map(({ name }) => name),
    ['github'],
  );
  assert.deepEqual(
    settings.projects.map(({ name, policy }) => [name, policy.checks.map(({ context }) => context)]),
    [['o/r', ['ok', 'true', 'a:b', '#d']]],
  );
  assert.match(text, /^ {2}# codeberg: is not configured as a forge$/m);
  assert.match(text, /^# Not taken over: .*bad context/m);
});

test('an empty map is a configuration without projects', () => {
  assert.deepEqual(settingsIn(yamlOf({})).projects, []);
});

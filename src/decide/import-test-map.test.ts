import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { importTestMap, type ImportedCheck } from './import-test-map.ts';

/** The shape of Cockpit's own map: products, stable branches, foreign contexts, another forge, only manual ones. */
const map = {
  'cockpit-project/cockpit': {
    main: [
      'arch/networking',
      'arch/other',
      'fedora-44/firefox-storage',
      'fedora-44/devel',
      'rhel-10-2/expensive',
      'rhel-10-2/expensive',
      'centos-10/other',
    ],
    'rhel-8': ['rhel-8-10/networking', 'centos-10/other', 'rhel-8-10-distropkg'],
    _manual: ['fedora-rawhide/other', 'centos-10/other', 'fedora-44/daily@bots#1234'],
  },
  'cockpit-project/bots': {
    main: ['host', 'fedora-44/other@cockpit-project/cockpit', 'debian@osbuild/cockpit-composer/rhel-9'],
  },
  'rhinstaller/anaconda-webui': { master: ['fedora-rawhide-boot'], main: [], _manual: [] },
  'candlepin/subscription-manager-cockpit': { _manual: ['rhel-9-8'] },
  'codeberg:lis/thing': { main: ['debian-stable'] },
};

const plain = { isManual: false, needs: ['kvm'], pool: null, priority: null };
const onMain = (context: string, over: Partial<ImportedCheck> = {}): ImportedCheck => ({
  context,
  branches: ['main'],
  ...plain,
  ...over,
});

test('a map becomes projects whose contexts are what they were', () => {
  const found = importTestMap(map, { rhelPool: 'rhel' });
  assert.deepEqual(found, {
    kind: 'imported',
    ignored: [],
    projects: [
      {
        repo: 'cockpit-project/cockpit',
        forge: null,
        branches: ['main', 'rhel-8'],
        mainBranch: 'main',
        checks: [
          onMain('arch/networking'),
          onMain('arch/other'),
          onMain('fedora-44/firefox-storage'),
          onMain('fedora-44/devel', { priority: 9 }),
          onMain('rhel-10-2/expensive', { pool: 'rhel' }),
          onMain('centos-10/other', { branches: ['main', 'rhel-8'] }),
          onMain('rhel-8-10/networking', { branches: ['rhel-8'], pool: 'rhel' }),
          onMain('rhel-8-10-distropkg', { branches: ['rhel-8'], pool: 'rhel' }),
          onMain('fedora-rawhide/other', { branches: ['**'], isManual: true }),
          onMain('centos-10/other', { branches: ['**'], isManual: true }),
          onMain('fedora-44/daily@bots#1234', { branches: ['**'], isManual: true }),
        ],
      },
      {
        repo: 'cockpit-project/bots',
        forge: null,
        branches: ['main'],
        mainBranch: 'main',
        checks: [
          onMain('host'),
          onMain('fedora-44/other@cockpit-project/cockpit'),
          // By Cockpit's rule also when only the branch is named so.
          onMain('debian@osbuild/cockpit-composer/rhel-9', { pool: 'rhel' }),
        ],
      },
      {
        repo: 'rhinstaller/anaconda-webui',
        forge: null,
        branches: ['master', 'main'],
        mainBranch: 'master',
        checks: [onMain('fedora-rawhide-boot', { branches: ['master'] })],
      },
      {
        repo: 'candlepin/subscription-manager-cockpit',
        forge: null,
        branches: ['main'],
        mainBranch: 'main',
        checks: [onMain('rhel-9-8', { branches: ['**'], isManual: true, pool: 'rhel' })],
      },
      {
        repo: 'lis/thing',
        forge: 'codeberg',
        branches: ['main'],
        mainBranch: 'main',
        checks: [onMain('debian-stable')],
      },
    ],
  });
});

test('without a pool for it, rhel is nothing special', () => {
  const found = importTestMap(map, { rhelPool: null });
  assert.ok(found.kind === 'imported');
  assert.ok(found.projects.every(({ checks }) => checks.every(({ pool }) => pool === null)));
});

test('what is not understood is told line by line, and the rest is taken', () => {
  const found = importTestMap(
    {
      'a/b': { main: ['ok', '', 7, 'two words', 'x@'], '!wip': ['ok'], next: 'ok' },
      bots: { main: ['ok'] },
      'c/d': [],
    },
    { rhelPool: null },
  );
  assert.ok(found.kind === 'imported');
  assert.deepEqual(
    found.projects.map(({ repo, checks }) => [repo, checks.map(({ context }) => context)]),
    [['a/b', ['ok']]],
  );
  assert.deepEqual(found.ignored, [
    'a/b: main: "" is no context',
    'a/b: main: 7 is no context',
    'a/b: main: "two words" is no context',
    'a/b: main: "x@" is no context',
    'a/b: !wip: expected a branch with a list of contexts',
    'a/b: next: expected a branch with a list of contexts',
    'bots: expected OWNER/REPO with a mapping of branches to contexts',
    'c/d: expected OWNER/REPO with a mapping of branches to contexts',
  ]);
});

test('what is no mapping is refused', () => {
  for (const wrong of [null, [], 'text', 7]) {
    assert.equal(importTestMap(wrong, { rhelPool: null }).kind, 'refused');
  }
});

test('never throws on any JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      importTestMap(value, { rhelPool: 'rhel' });
      importTestMap({ 'a/b': value }, { rhelPool: 'rhel' });
      importTestMap({ 'a/b': { main: value } }, { rhelPool: 'rhel' });
    }),
  );
});

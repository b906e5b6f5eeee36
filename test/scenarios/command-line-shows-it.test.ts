import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

test(
  'runs, logs, queue and workers tell the same as the pages, also when the server is gone',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const repo = crew.repo();
    const script = '#!/bin/sh\nprintf "bytes \\001\\377 and \\033[31mred\\033[0m\\n"\nexit 2\n';
    const sha = repo.commit({ 'test/run': { script } });
    const house = await crew.up(repo.dir);
    const { summary, detail } = await house.ended(sha);
    const check = async (): Promise<void> => {
      const listed = await crew.cli('runs', '--json');
      assert.equal(listed.code, 0, listed.err);
      assert.ok(listed.out.includes(summary.jobId));
      assert.match((await crew.cli('runs')).out, /✘ failed +demo +main +test/);
      const log = await crew.cli('logs', summary.jobId.slice(0, 8));
      assert.equal(log.code, 0, log.err);
      assert.match(log.out, /\u001b\[31mred\u001b\[0m\n\[groundcrew\] Tests failed \(exit status 2\)/);
      assert.equal(Buffer.byteLength(log.out.replaceAll('\ufffd', '?')), detail.attempts[0]?.logBytes);
      assert.equal((await crew.cli('queue')).code, 0);
    };
    await check();
    assert.match((await crew.cli('workers')).out, /default/);
    await house.program.end();
    await check();
    const refused = await crew.cli('cancel', summary.jobId);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, /^groundcrew: .+\n$/);
  },
);

test('logs -f follows a run to its end', needs('git', 'linux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  const script = `#!/bin/sh\necho first\nwhile ! [ -e ${crew.root}/go ]; do sleep 0.05; done\necho last\n`;
  const sha = repo.commit({ 'test/run': { script } });
  const house = await crew.up(repo.dir);
  const { jobId } = await house.runOf(sha, 'running');
  const follow = crew.start(['logs', '-f', jobId.slice(0, 8)]);
  await until(() => follow.out().includes('first\n'), { what: 'the first line' });
  execFileSync('touch', [`${crew.root}/go`]);
  const { out, code } = await follow.ended;
  assert.equal(code, 0);
  assert.match(out, /first\nlast\n\[groundcrew\] Passed/);
});

test(
  '"up" in a checkout of groundcrew tests its example, with no project and no configuration',
  needs('git', 'linux'),
  async (t) => {
    const crew = await openCrew(t);
    const program = crew.start(['up', '--port', '0', '--executor', 'process'], {
      cwd: join(import.meta.dirname, '../..'),
    });
    const passed = await until(
      async () => {
        const { out } = await crew.cli('runs', '--json');
        const runs = JSON.parse(out) as readonly { readonly repo: string; readonly state: string }[];
        return runs.find((run) => run.state === 'ended');
      },
      { within: 20_000, what: 'the example to be tested' },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${program.err()}`, { cause: error });
    });
    assert.equal(passed.repo, 'hello');
  },
);

test('on a terminal "up" tells each run in a line', needs('git', 'linux', 'tmux'), async (t) => {
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\n' } });
  const socket = join(crew.root, 'tmux');
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], {
      env: { ...crew.env, TERM: 'xterm' },
      encoding: 'utf8',
    });
  t.after(() => {
    try {
      tmux('kill-server');
    } catch {
      // It has ended with its only window.
    }
  });
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const words = [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    main,
    'up',
    '--port',
    '0',
    '--executor',
    'process',
    repo.dir,
  ];
  tmux('new-session', '-d', '-x', '160', '-y', '40', ...words);
  const screen = (): string => tmux('capture-pane', '-p');
  await until(() => screen().includes('Passed'), { within: 20_000, what: 'the first run on the screen' });
  const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\nexit 3\n' } });
  repo.git('checkout', '-q', '-b', 'empty');
  repo.commit({ 'test/run': null });
  const seen = await until(
    () => {
      const text = screen();
      return text.includes('Tests failed') && text.includes('Nothing to run') ? text : null;
    },
    { within: 20_000, what: 'the second run on the screen' },
  );
  assert.match(seen, /^watching demo {2}\//m);
  assert.match(seen, /^pages +http:\/\/127\.0\.0\.1:\d+\/#token=\S+$/m);
  assert.match(
    seen,
    new RegExp(
      `^✘ demo main ${sha.slice(0, 7)} {2}test {2}Tests failed \\(exit status 3\\).* http://127\\.0\\.0\\.1:\\d+/runs/[0-9a-f]{8}$`,
      'm',
    ),
  );
  assert.doesNotMatch(seen, /"level"|trace=/, 'no log of ours between');
  tmux('send-keys', 'C-c');
});

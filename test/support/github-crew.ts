import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeGitHub, FakeGitHubOptions } from '../../src/forge/github/fake/fake-github.ts';
import type { FakeFile } from '../../src/forge/github/fake/git-store.ts';
import type { People } from '../../src/forge/github/fake/people.ts';
import type { Comment, Status, StatusState } from '../../src/forge/github/fake/records.ts';
import type { DeliveryDay } from '../../src/ledger/ledger-reader.ts';
import { type Crew, type House, openCrew } from './crew.ts';
import { openFakeGitHub } from './fake-github.ts';
import type { CleansUp } from './temp-dir.ts';
import { until } from './until.ts';
import { freePort } from './free-port.ts';

/** The watched repository, its fork, and who acts: `ada` may write, `mallory` may not, `crew-bot` is us. */
export const names = {
  repo: 'acme/demo',
  fork: 'mallory/demo',
  maintainer: 'ada',
  stranger: 'mallory',
  us: 'crew-bot',
};

/** A pull request to open: by the maintainer from a branch of the repository, or by the stranger from the fork. */
export interface Opening {
  readonly branch?: string;
  readonly files?: Readonly<Record<string, FakeFile>>;
  readonly title?: string;
  readonly base?: string;
  readonly labels?: readonly string[];
  readonly isStrangers?: boolean;
}

/** A pull request and its first commit. */
export interface Opened {
  readonly number: number;
  readonly sha: string;
  readonly branch: string;
}

/** How the house and the project are configured, beside what every story needs. */
export interface GitHubCrewOptions {
  /** YAML lines of the project, e.g. `checks: [{context: one}]`; default: the one check `test`. */
  readonly project?: readonly string[];
  /** Top-level YAML lines; they may not be `forges`, `projects`, `server`, `defaults` or `worker`. */
  readonly settings?: readonly string[];
  readonly slots?: number;
  readonly statuses?: string;
  readonly fake?: FakeGitHubOptions;
  /** Default: a webhook of the repository calls us from the first start on. */
  readonly hasHook?: boolean;
}

/** A fake GitHub with one project, and a groundcrew of one's own that serves it. */
export interface GitHubCrew {
  readonly hub: FakeGitHub;
  readonly people: People;
  readonly crew: Crew;
  /** `up` with the executor process; the same address again after `kill`. */
  up(...words: string[]): Promise<House>;
  server(...words: string[]): Promise<House>;
  /** Removes the ledger with all that belongs to it. Nothing may run. */
  loseLedger(): void;
  openPull(opening?: Opening): Promise<Opened>;
  /** The next commit on the branch of a pull request. */
  push(pull: Opened, files: Readonly<Record<string, FakeFile>>): Promise<string>;
  /** Our statuses of a commit, oldest first, those of one context or all. */
  statuses(sha: string, context?: string): readonly Status[];
  /** The same, each as `state: description`. */
  history(sha: string, context?: string): readonly string[];
  /** Waits until our newest status of the context is that. */
  untilStatus(sha: string, context: string, state: StatusState, says?: RegExp): Promise<Status>;
  /** A line for each time that the script of the project began, but at the first commit: `<sha> <context>`. */
  started(): readonly string[];
  /** Jobs that begin from now on wait, until `release`. `what`: a context; default: all. */
  hold(what?: string): void;
  release(what?: string): void;
  /** A person comments; resolves with our reaction, and with `says` once a comment of ours says that, too. */
  say(pull: Opened, body: string, options?: { readonly by?: string; readonly says?: RegExp }): Promise<string>;
  /** How events came, all days together. */
  counted(house: House): Promise<Omit<DeliveryDay, 'day' | 'forge'>>;
  /** When everything that came has been handled. */
  settled(house: House): Promise<void>;
}

/** Writes down that it began, waits for its gate, and ends as the file `code` of the tree says. */
export const runScript = `#!/bin/sh
name="$TEST_OS\${TEST_SCENARIO:+/$TEST_SCENARIO}"
echo "$TEST_REVISION $name" >>"$GATE/started"
trap 'echo "got TERM"; exit 1' TERM
echo "kept $name" >"$TEST_ATTACHMENTS/kept.txt"
echo "began $name"
while [ -e "$GATE/hold" ] || [ -e "$GATE/hold-$TEST_OS" ]; do sleep 0.05; done
read -r code 2>/dev/null <code || code=0
exit "$code"
`;

const hookSecret = 'shared with GitHub';

export async function openGitHubCrew(context: CleansUp, options: GitHubCrewOptions = {}): Promise<GitHubCrew> {
  const { repo, fork, maintainer, stranger, us } = names;
  const hub = await openFakeGitHub(context, options.fake);
  const { people } = hub;
  people.createOrganisation('acme');
  for (const login of [maintainer, stranger, us]) people.createUser(login);
  const made = await people.createRepo({
    name: repo,
    files: { README: 'hello\n', '.groundcrew/run': { script: runScript } },
  });
  const base = made.state.branches.get('main') ?? '';
  people.setCollaborator(repo, maintainer, 'push');
  // It sees hooks, and so their logs.
  people.setCollaborator(repo, us, 'admin');
  await people.fork(repo, stranger);

  const crew = await openCrew(context);
  const gate = join(crew.root, 'gate');
  mkdirSync(gate);
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  Object.assign(crew.env, { BOT_TOKEN: people.createToken(us), HOOK_SECRET: hookSecret });
  crew.configure(`
server: {port: ${String(port)}, publicUrl: '${url}'}
forges:
  github:
    kind: github
    apiUrl: ${hub.url}
    webUrl: ${hub.webUrl}
    token: {env: BOT_TOKEN}
    webhookSecrets: [{env: HOOK_SECRET}]
    statuses: ${options.statuses ?? 'post'}
defaults: {env: {GATE: '${gate}'}}
worker: {slots: ${String(options.slots ?? 2)}, grace: 5s}
${(options.settings ?? []).join('\n')}
projects:
  - name: ${repo}
    forge: github
${(options.project ?? []).map((line) => `    ${line}\n`).join('')}`);

  let isHooked = options.hasHook === false;
  let last: House | null = null;
  const hooked = async (starting: Promise<House>): Promise<House> => {
    const house = await starting;
    if (!isHooked) people.createHook(repo, { url: `${url}/webhook/github`, secret: hookSecret, pings: false });
    isHooked = true;
    last = house;
    return house;
  };

  const statuses = (sha: string, one?: string): readonly Status[] =>
    people.statuses(repo, sha).filter(({ creator, context: of }) => creator === us && (one ?? of) === of);
  const history = (sha: string, one?: string): readonly string[] =>
    statuses(sha, one).map(({ state, description }) => `${state}: ${description ?? ''}`);
  let pulls = 0;

  const self: GitHubCrew = {
    hub,
    people,
    crew,
    up: (...words) => hooked(crew.up('--port', String(port), ...words)),
    server: (...words) => hooked(crew.server('--port', String(port), ...words)),
    loseLedger() {
      for (const end of ['', '-wal', '-shm', '-journal'])
        rmSync(join(crew.stateDir, `ledger.sqlite${end}`), { force: true });
    },
    async openPull({ branch, files, title, base, labels, isStrangers = false } = {}) {
      pulls += 1;
      const by = isStrangers ? stranger : maintainer;
      const at = branch ?? `topic-${String(pulls)}`;
      const sha = await people.commit(isStrangers ? fork : repo, {
        branch: at,
        files: files ?? { 'topic.txt': `${String(pulls)}\n` },
        by,
      });
      const { number } = await people.openPull(repo, {
        branch: at,
        by,
        ...(isStrangers ? { from: fork } : {}),
        ...(title === undefined ? {} : { title }),
        ...(base === undefined ? {} : { base }),
        ...(labels === undefined ? {} : { labels }),
      });
      return { number, sha, branch: at };
    },
    push({ number, branch }, files) {
      const { head } = people.pull(repo, number).pull;
      return people.commit(head.repo, { branch, files, by: head.repo === fork ? stranger : maintainer });
    },
    statuses,
    history,
    untilStatus: (sha, one, state, says = /(?:)/) =>
      until(
        () => {
          const last = statuses(sha, one).at(-1);
          return last?.state === state && says.test(last.description ?? '') ? last : null;
        },
        { within: 60_000, what: `${one} of ${sha.slice(0, 12)} to be ${state} ${String(says)}` },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\nit was: ${history(sha).join(' | ')}\n${last?.program.err() ?? ''}`, {
          cause: error,
        });
      }),
    started() {
      const file = join(gate, 'started');
      const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
      return lines.filter((line) => line.split(' ')[0] !== base);
    },
    hold(what) {
      writeFileSync(join(gate, what === undefined ? 'hold' : `hold-${what}`), '');
    },
    release(what) {
      rmSync(join(gate, what === undefined ? 'hold' : `hold-${what}`), { force: true });
    },
    async say({ number }, body, { by = maintainer, says } = {}) {
      const { id } = people.comment(repo, number, { body, by });
      const all = (): readonly Comment[] => people.comments(repo, number);
      const reaction = await until(
        () => {
          const ours =
            all()
              .find((one) => one.id === id)
              ?.reactions.filter(({ user }) => user === us) ?? [];
          return ours[0]?.content ?? null;
        },
        { within: 60_000, what: `a reaction to ${body.slice(0, 80)}` },
      );
      const answers = (): readonly Comment[] => all().filter((one) => one.author === us && one.id > id);
      if (says !== undefined) {
        await until(() => answers().some((one) => says.test(one.body)), {
          within: 60_000,
          what: `an answer to ${body.slice(0, 80)} that says ${String(says)}`,
        });
      }
      return reaction;
    },
    async counted(house) {
      const { days } = (await (await house.get('/api/deliveries')).json()) as { days: readonly DeliveryDay[] };
      const sum = (key: 'received' | 'bySweep' | 'byScan' | 'missed'): number =>
        days.reduce((all, day) => all + day[key], 0);
      return { received: sum('received'), bySweep: sum('bySweep'), byScan: sum('byScan'), missed: sum('missed') };
    },
    async settled(house) {
      await hub.delivered();
      await until(async () => /^groundcrew_deliveries_pending 0$/m.test(await (await house.get('/metrics')).text()), {
        within: 60_000,
        what: 'every delivery to be handled',
      });
    },
  };
  return self;
}

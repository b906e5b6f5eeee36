import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { ForgeWorld, RememberedWorld } from '../../src/forge/world.contract.ts';
import {
  createGitHubForge,
  type GitHubAuth,
  type GitHubForge,
  type GitHubForgeOptions,
  type GitHubRepo,
} from '../../src/forge/github/github-forge.ts';
import type { App } from '../../src/forge/github/fake/app-records.ts';
import type { FakeGitHub, FakeGitHubOptions } from '../../src/forge/github/fake/fake-github.ts';
import { openFakeGitHub } from './fake-github.ts';
import { type CleansUp, tempDir } from './temp-dir.ts';

/** A fake GitHub with one watched repository, and our forge over it. */
export interface GitHubWorld extends ForgeWorld {
  readonly forge: GitHubForge;
  readonly remembered: RememberedWorld;
  readonly hub: FakeGitHub;
  readonly cacheFile: string;
  readonly app: App;
  /** The App's private key (PEM). */
  readonly appKey: string;
  readonly token: string;
  /** Our own login. */
  readonly me: string;
  /** Another forge on the same GitHub; closed after the test. */
  open(options?: Partial<GitHubForgeOptions>): GitHubForge;
}

/** Names of the world: `maintainer` may write, `stranger` may not, `bot` is us. */
const people = { owner: 'acme', maintainer: 'ada', stranger: 'mallory', bot: 'crew-bot' } as const;

const appKeys = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** `as` chooses how the forge proves who it is; `repo` changes how the repository is watched. */
export async function openGitHubWorld(
  context: CleansUp,
  settings: {
    readonly as?: 'token' | 'app';
    readonly forge?: Partial<GitHubForgeOptions>;
    readonly repo?: Partial<GitHubRepo>;
    readonly fake?: FakeGitHubOptions;
  } = {},
): Promise<GitHubWorld> {
  const hub = await openFakeGitHub(context, settings.fake);
  const { owner, maintainer, stranger, bot } = people;
  hub.people.createOrganisation(owner);
  for (const login of [maintainer, stranger, bot]) hub.people.createUser(login);
  const repo = `${owner}/demo`;
  const fork = `${stranger}/demo`;
  await hub.people.createRepo({ name: repo, files: { README: 'hello\n' } });
  hub.people.setCollaborator(repo, maintainer, 'push');
  hub.people.setCollaborator(repo, bot, 'push');
  await hub.people.fork(repo, stranger);
  const token = hub.people.createToken(bot);
  const app = hub.people.createApp({ slug: 'crew', owner, publicKey: appKeys.publicKey });
  if (settings.as === 'app') hub.people.installApp(app, { account: owner });
  const auth: GitHubAuth =
    settings.as === 'app'
      ? { kind: 'app', appId: app.id, privateKey: () => appKeys.privateKey }
      : { kind: 'token', token: () => token };
  const me = settings.as === 'app' ? 'crew[bot]' : bot;
  const cacheFile = join(await tempDir(context), 'github-cache');
  const opened: GitHubForge[] = [];
  const open = (options: Partial<GitHubForgeOptions> = {}): GitHubForge => {
    const forge = createGitHubForge({
      name: 'gh',
      apiUrl: hub.url,
      webUrl: hub.webUrl,
      repos: () => [
        {
          name: repo,
          branches: [],
          trust: { users: [], organisations: [], teams: [], permission: 'write' },
          ...settings.repo,
        },
      ],
      auth,
      statuses: { kind: 'post' },
      cacheFile,
      clock: settings.fake?.clock ?? systemClock,
      random: systemRandom,
      logger: silentLogger,
      ...settings.forge,
      ...options,
    });
    opened.push(forge);
    return forge;
  };
  context.after(async () => {
    for (const forge of opened) await forge.close();
  });
  const branchOf = (pull: number): string => `for-${pull}`;
  const isThere = (pull: number): boolean => hub.world.repos.get(repo)?.state.issues.get(pull) !== undefined;
  return {
    forge: open(),
    repo,
    hub,
    cacheFile,
    app,
    appKey: appKeys.privateKey,
    token,
    me,
    open,
    reopened: () => open(),
    commit: ({ branch, files, title }) =>
      hub.people.commit(repo, { branch, files, ...(title === undefined ? {} : { message: title }) }),
    deleteBranch: (branch) => hub.people.deleteBranch(repo, branch),
    setPull: async (pull, sha) => {
      await hub.people.push(fork, { branch: branchOf(pull), sha, from: repo, by: stranger });
      if (isThere(pull)) return;
      await hub.people.openPull(repo, { branch: branchOf(pull), from: fork, by: stranger, number: pull });
    },
    breakIt: () => {
      hub.people.deleteRepo(repo);
      return Promise.resolve();
    },
    remembered: {
      maintainer,
      stranger,
      approvalContext: 'groundcrew/approval',
      comment: (pull, by, body) => Promise.resolve(`comment/${hub.people.comment(repo, pull, { by, body }).id}`),
      edit: (requestId, by, body) => {
        hub.people.editComment(repo, Number(requestId.slice('comment/'.length)), { body, by });
        return Promise.resolve();
      },
      comments: (pull) => Promise.resolve(hub.people.comments(repo, pull).map(({ body }) => body)),
      setStatus: (sha, by, status) => {
        hub.people.setStatus(repo, sha, { ...status, by });
        return Promise.resolve();
      },
      statuses: (sha) =>
        Promise.resolve(
          hub.people.statuses(repo, sha).map(({ context: name, state, creator }) => ({
            context: name,
            state,
            isOurs: creator === me,
          })),
        ),
      retitle: async (pull, title) => {
        await hub.people.editPull(repo, pull, { title });
      },
      closePull: async (pull) => {
        await hub.people.editPull(repo, pull, { state: 'closed' });
      },
      openIssues: () =>
        Promise.resolve(
          [...(hub.world.repos.get(repo)?.state.issues.values() ?? [])]
            .filter(({ pull, state }) => pull === null && state === 'open')
            .map(({ title, body }) => ({ title, text: body ?? '' })),
        ),
      openIssue: (by, title, text) => {
        hub.people.createIssue(repo, { by, title, body: text, labels: ['groundcrew'] });
        return Promise.resolve();
      },
    },
  };
}

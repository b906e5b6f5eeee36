import type { z } from 'zod';
import { commitMoved, type ForgeEvent } from '../../../core/forge-event.ts';
import { changeKey } from '../../../core/subject.ts';
import {
  branchSchema,
  envelopeSchema,
  installationSchema,
  issueCommentSchema,
  pullRequestSchema,
  pushSchema,
  refSchema,
  repositorySchema,
  statusSchema,
} from './webhook-payload.ts';

/** Whose events, and which concern us. */
export interface EventPlace {
  readonly forge: string;
  /** The configured repositories, by their name in lower case: GitHub does not distinguish case. */
  readonly repos: ReadonlyMap<string, string>;
  /** Our own account, where it is known: what it did is no news. */
  readonly ownLogin: string | null;
  /** Where our statuses link to: one that does is ours. */
  readonly publicUrl: string | null;
}

/** The events of a body; none: it means nothing to us. `unfit`: it is not of the form that we know, and why. */
export type EventsRead = { readonly kind: 'read'; readonly events: readonly ForgeEvent[] } | Unfit;

interface Unfit {
  readonly kind: 'unfit';
  readonly why: string;
}

type Envelope = z.infer<typeof envelopeSchema>;

/** What reads one kind: `repo` is the configured name. */
type RepoReader = (body: unknown, at: { repo: string; envelope: Envelope } & EventPlace) => EventsRead;

const nothing: EventsRead = { kind: 'read', events: [] };

/** Of the actions of a pull request those that can change what is to be tested; the others (assigned, locked …) cannot. */
const pullActions: ReadonlySet<string | undefined> = new Set([
  'opened',
  'synchronize',
  'reopened',
  'edited',
  'labeled',
  'unlabeled',
  'ready_for_review',
  'converted_to_draft',
  'closed',
]);

const repoReaders: Readonly<Record<string, RepoReader>> = {
  pull_request: (body, at) => {
    const { action } = at.envelope;
    if (!pullActions.has(action)) return nothing;
    return reading(pullRequestSchema, body, ({ number, pull_request, changes }) => {
      // Of an edit only a new base or title matters, and the text below it is edited most.
      if (action === 'edited' && changes?.title === undefined && changes?.base === undefined) return nothing;
      return changed(at, { pull: number, branch: null }, pull_request.head.sha);
    });
  },
  push: (body, at) =>
    reading(pushSchema, body, ({ ref, after }) => {
      const name = /^refs\/heads\/(.*)$/s.exec(ref)?.[1];
      if (name === undefined) return nothing;
      return reading(branchSchema, name, (branch) =>
        changed(at, { pull: null, branch }, /^0+$/.test(after) ? null : after),
      );
    }),
  create: (body, at) => branchMoved(body, at),
  delete: (body, at) => branchMoved(body, at),
  status: (body, at) =>
    reading(statusSchema, body, ({ sha, description, target_url: target }) => {
      // A person may ask for a test by a status, and keep our address in it (`tests-trigger` of Cockpit's bots does).
      const isTrigger = description?.trimEnd().endsWith('(direct trigger)') === true;
      const { forge, repo, publicUrl } = at;
      const isOurs =
        isOwn(at) || (publicUrl !== null && target?.startsWith(`${publicUrl.replace(/\/+$/, '')}/`) === true);
      if (isOurs && !isTrigger) return nothing;
      return { kind: 'read', events: [commitMoved({ forge, repo, sha })] };
    }),
  issue_comment: (body, at) =>
    reading(issueCommentSchema, body, ({ issue, comment }) => {
      // Every command has a slash; most comments are talk, and each look costs requests. Ours quote commands, too.
      if (issue.pull_request === undefined || issue.pull_request === null) return nothing;
      if (isOwn(at) || comment.body?.includes('/') !== true) return nothing;
      return changed(at, { pull: issue.number, branch: null }, null);
    }),
};

/** Those that speak of several repositories, or of one by a name that it had. */
const accountReaders: Readonly<Record<string, (body: unknown, envelope: Envelope, place: EventPlace) => EventsRead>> = {
  installation: (body, _envelope, place) => installed(body, place),
  installation_repositories: (body, _envelope, place) => installed(body, place),
  repository: (body, { repository }, place) =>
    reading(repositorySchema, body, ({ changes }) => {
      if (repository === null || repository === undefined) return nothing;
      const [owner = '', name = ''] = repository.full_name.split('/');
      const from = changes?.owner?.from;
      const names = [
        repository.full_name,
        `${owner}/${changes?.repository?.name?.from ?? name}`,
        `${from?.user?.login ?? from?.organization?.login ?? owner}/${name}`,
      ];
      return lookAt(names, place);
    }),
};

/** The kinds of events that may lead to something; everything else is not even parsed. */
export const readEvents: ReadonlySet<string> = new Set([...Object.keys(repoReaders), ...Object.keys(accountReaders)]);

/** What the parsed body of an event of that kind says. */
export function eventsOf(event: string, body: unknown, place: EventPlace): EventsRead {
  return reading(envelopeSchema, body, (envelope) => {
    const ofAccount = accountReaders[event];
    if (ofAccount !== undefined) return ofAccount(body, envelope, place);
    const repo = place.repos.get(envelope.repository?.full_name.toLowerCase() ?? '');
    const read = repoReaders[event];
    return repo === undefined || read === undefined ? nothing : read(body, { ...place, repo, envelope });
  });
}

function reading<T>(schema: z.ZodType<T>, body: unknown, then: (read: T) => EventsRead): EventsRead {
  const parsed = schema.safeParse(body);
  if (parsed.success) return then(parsed.data);
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.map(String).join('.')}: `;
  return { kind: 'unfit', why: `${where}${issue?.message ?? 'not of the expected form'}` };
}

interface At extends EventPlace {
  readonly repo: string;
  readonly envelope: Envelope;
}

function isOwn({ envelope, ownLogin }: At): boolean {
  return ownLogin !== null && envelope.sender?.login.toLowerCase() === ownLogin.toLowerCase();
}

function changed(
  { forge, repo }: At,
  place: { readonly pull: number | null; readonly branch: string | null },
  sha: string | null,
): EventsRead {
  const key = changeKey({ forge, repo, baseRef: '', ...place });
  return { kind: 'read', events: [{ kind: 'change', forge, repo, changeKey: key, sha }] };
}

function branchMoved(body: unknown, at: At): EventsRead {
  return reading(refSchema, body, ({ ref, ref_type: type }) =>
    type === 'branch' ? reading(branchSchema, ref, (branch) => changed(at, { pull: null, branch }, null)) : nothing,
  );
}

/** What an installation may see, or may not any more; where no list came, all that is of its account. */
function installed(body: unknown, place: EventPlace): EventsRead {
  return reading(installationSchema, body, (read) => {
    const lists = [read.repositories, read.repositories_added, read.repositories_removed];
    const listed = lists.flatMap((list) => list ?? []).map(({ full_name: name }) => name);
    const owner = read.installation.account?.login.toLowerCase();
    const ofAccount = [...place.repos.keys()].filter((name) => owner !== undefined && name.startsWith(`${owner}/`));
    return lookAt(listed.length > 0 ? listed : ofAccount, place);
  });
}

function lookAt(names: readonly string[], { forge, repos }: EventPlace): EventsRead {
  const ours = new Set(names.flatMap((name) => repos.get(name.toLowerCase()) ?? []));
  return {
    kind: 'read',
    events: [...ours].map((repo) => ({ kind: 'repository', forge, repo, changeKey: `${forge}|${repo}|repository` })),
  };
}

import { plain } from '../../../base/git.ts';
import type { Change, ChangeTrust, StatusSeen } from '../../../core/change.ts';
import type { PersonRequest } from '../../../core/request.ts';
import { isSkipLink, parseRunLink } from '../../../core/run-link.ts';
import type { VerdictState } from '../../../core/verdict.ts';
import { type Command, parseCommands } from '../../../decide/commands.ts';
import type { ForeignSeen, PlaceView } from '../../forge.ts';
import { isSamePerson, loginOf } from '../account/actor.ts';
import { hasMarker } from '../tell/comment-marker.ts';
import type { StatusMode } from '../hub.ts';
import { answerReactions, isDirectTrigger, meaningOf } from '../tell/status-words.ts';
import type { Trusted } from './trust.ts';
import type { BranchNode, PullNode, StatusNode } from './view-query.ts';

/** Where a view is of, and with whose eyes. */
export interface ViewPlace {
  readonly key: string;
  readonly forge: string;
  readonly repo: string;
  /** Our own login. */
  readonly me: string;
  readonly mode: StatusMode;
  /** By our clock (epoch ms). */
  readonly now: number;
  /** Of those that `peopleOf` names. */
  readonly trusts: (login: string) => Trusted;
}

/**
 * Who gave a command so long ago (ms) expects nothing more: a server that comes new to a repository must not carry out and
 * answer what people there told another one for years. As long as GitHub keeps deliveries.
 */
const commandsForMs = 3 * 24 * 3_600_000;

type CommentNode = PullNode['comments']['nodes'][number];

/** Everybody whose right matters to this view: who made the change, whoever gives commands, whoever edited those. */
export function peopleOf(node: PullNode, statuses: readonly StatusNode[]): readonly string[] {
  const commanding = node.comments.nodes.filter(({ body }) => parseCommands(body).length > 0);
  return [
    ...makersOf(node),
    ...commanding.flatMap(({ author, editor }) => [loginOf(author), ...(editor === null ? [] : [loginOf(editor)])]),
    ...triggersOf(statuses).map(({ creator }) => loginOf(creator)),
  ];
}

/**
 * Who decides what the head is. Anybody may open a pull request from anybody's fork, so a person whom we trust vouches for
 * nothing that a stranger can still push there.
 */
export function makersOf({ author, headRepositoryOwner, isCrossRepository }: PullNode): readonly string[] {
  const by = loginOf(author);
  // Whose repository is gone nobody pushes to any more, and nobody knows who did.
  const owner = loginOf(headRepositoryOwner);
  return !isCrossRepository || isSamePerson(owner, by) ? [by] : [by, owner];
}

/** `statuses` are those of `node.headRefOid`. */
export function viewOfPull(
  node: PullNode,
  {
    pull,
    statuses,
    place,
  }: { readonly pull: number; readonly statuses: readonly StatusNode[]; readonly place: ViewPlace },
): PlaceView {
  const author = loginOf(node.author);
  const change: Change = {
    key: place.key,
    forge: place.forge,
    repo: place.repo,
    pull,
    branch: null,
    headSha: node.headRefOid,
    baseRef: node.baseRefName,
    title: shortened(node.title, 300),
    author: shortened(author, 100),
    labels: (node.labels?.nodes ?? []).map(({ name }) => shortened(name, 100)),
    isDraft: node.isDraft,
    isOpen: node.state === 'OPEN',
    trust: changeTrust(allTrusted(decidersOf(node, place.repo), place)),
    version: node.updatedAt,
  };
  const requests = change.isOpen
    ? [
        ...node.comments.nodes.flatMap((comment) => requestsOf(comment, author, place)),
        ...triggered(statuses, change, place),
      ]
    : [];
  return { change, requests, ...statusesOf(statuses, node.headRefOid, place) };
}

/**
 * Of the makers, those whom somebody must vouch for. Another repository of the same owner is as good as this one: whoever may
 * push there was let in by the same people.
 */
export function decidersOf(node: PullNode, repo: string): readonly string[] {
  const [author = 'ghost', ...owners] = makersOf(node);
  return [author, ...owners.filter((owner) => !isSamePerson(owner, repo.split('/', 1)[0] ?? ''))];
}

/** One definite no is a no, whatever is not known of the others. */
function allTrusted(people: readonly string[], { trusts }: Pick<ViewPlace, 'trusts'>): Trusted {
  const all = people.map((login) => trusts(login));
  return all.includes('no') ? 'no' : all.includes('unknown') ? 'unknown' : 'yes';
}

function changeTrust(trusted: Trusted): ChangeTrust {
  switch (trusted) {
    case 'yes':
      return 'trusted';
    case 'no':
      return 'untrusted';
    case 'unknown':
      return 'unknown';
    default:
      return trusted satisfies never;
  }
}

/** How a person's word counts. */
function wordOf(trusted: Trusted): Pick<PersonRequest, 'isRefused' | 'isUnclear'> {
  if (trusted === 'yes') return {};
  return trusted === 'no' ? { isRefused: true } : { isUnclear: true };
}

/** A branch has no version of its own: `version` numbers our looks. Null: it shows no commit. */
export function viewOfBranch(
  node: BranchNode,
  { branch, version, place }: { readonly branch: string; readonly version: number; readonly place: ViewPlace },
): PlaceView | null {
  const { target } = node;
  if (target?.messageHeadline === undefined) return null;
  const user = target.author?.user ?? null;
  const change: Change = {
    key: place.key,
    forge: place.forge,
    repo: place.repo,
    pull: null,
    branch,
    headSha: target.oid,
    baseRef: branch,
    title: shortened(target.messageHeadline, 300),
    author: shortened(user === null ? (target.author?.name ?? 'ghost') : loginOf(user), 100),
    labels: [],
    isDraft: false,
    isOpen: true,
    // Whoever could push there has the right.
    trust: 'trusted',
    version,
  };
  const statuses = target.status ?? [];
  return { change, requests: triggered(statuses, change, place), ...statusesOf(statuses, target.oid, place) };
}

function statusesOf(
  nodes: readonly StatusNode[],
  headSha: string,
  { me, mode }: ViewPlace,
): Pick<PlaceView, 'statuses' | 'approvedShas' | 'foreign'> {
  const statuses: StatusSeen[] = [];
  const foreign: ForeignSeen[] = [];
  let isApproved = false;
  for (const node of nodes) {
    const state = stateOf(node.state);
    // Whoever may set a status could claim anything in its link, so only what our own account set is believed.
    const meaning = isSamePerson(loginOf(node.creator), me)
      ? meaningOf(node.context, mode)
      : ({ kind: 'foreign' } as const);
    if (meaning.kind === 'approval') isApproved ||= state === 'success';
    else if (meaning.kind === 'check') statuses.push(statusSeen(node, meaning.context, state));
    else {
      const { createdAt } = node;
      foreign.push({
        context: shortened(node.context, 255),
        state,
        createdAt,
        creator: shortened(loginOf(node.creator), 100),
      });
    }
  }
  return { statuses, foreign, approvedShas: isApproved ? [headSha] : [] };
}

function statusSeen(node: StatusNode, context: string, state: VerdictState): StatusSeen {
  const url = node.targetUrl ?? '';
  const link = parseRunLink(url);
  return {
    context: shortened(context, 255),
    state,
    description: shortened(node.description ?? '', 140),
    jobId: link?.jobId ?? null,
    generation: link?.generation ?? null,
    changeJobId: link?.changeJobId ?? null,
    isCanceled: link?.isCanceled ?? false,
    ...(isSkipLink(url) ? { isSkip: true } : {}),
  };
}

function requestsOf(comment: CommentNode, changeAuthor: string, place: ViewPlace): readonly PersonRequest[] {
  const by = loginOf(comment.author);
  // What we say shows how commands are written; a person whose token we use still gives them.
  if (isSamePerson(by, place.me) && hasMarker(comment.body)) return [];
  // Who may write to a repository may edit what others said there.
  const word = wordOf(allTrusted(comment.editor === null ? [by] : [by, loginOf(comment.editor)], place));
  const askedAt = comment.lastEditedAt ?? comment.createdAt;
  const answers = Object.values(answerReactions(place.mode)).map((content) => content.toUpperCase());
  const hasAnswer = (comment.reactionGroups ?? []).some(
    ({ content, viewerHasReacted }) => viewerHasReacted && answers.includes(content),
  );
  const isDone = hasAnswer || askedAt < place.now - commandsForMs;
  return parseCommands(comment.body).map((command) => ({
    ...command,
    id: `comment/${comment.fullDatabaseId}`,
    by: shortened(by, 100),
    jobId: null,
    isDone,
    askedAt,
    ...(isForEverybody(command, by, changeAuthor) ? {} : word),
  }));
}

/** The author of a change may always stop it, and ask how this works. */
function isForEverybody({ kind }: Command, by: string, changeAuthor: string): boolean {
  return (kind === 'cancel' || kind === 'help') && by !== 'ghost' && isSamePerson(by, changeAuthor);
}

function triggersOf(statuses: readonly StatusNode[]): readonly StatusNode[] {
  return statuses.filter(({ state, description }) => isDirectTrigger(state, description));
}

/**
 * Our own status takes the place of the one that asked, so what is seen is not done yet. The id names the place: a branch and a
 * pull request share a commit, and what one of them has answered the other has not.
 */
function triggered(
  statuses: readonly StatusNode[],
  { headSha, pull, branch }: Change,
  place: ViewPlace,
): readonly PersonRequest[] {
  const at = pull === null ? `branch/${branch ?? ''}` : `pull/${String(pull)}`;
  return triggersOf(statuses).map(({ context, createdAt, creator }) => ({
    id: `status/${headSha.slice(0, 12)}/${shortened(context, 255)}/${createdAt}/${at}`,
    kind: 'test',
    by: shortened(loginOf(creator), 100),
    sha: headSha,
    contexts: [shortened(context, 255)],
    jobId: null,
    isDone: false,
    ...wordOf(place.trusts(loginOf(creator))),
  }));
}

function stateOf(state: StatusNode['state']): VerdictState {
  switch (state) {
    case 'ERROR':
      return 'error';
    case 'FAILURE':
      return 'failure';
    case 'SUCCESS':
      return 'success';
    case 'EXPECTED':
    case 'PENDING':
      return 'pending';
    default:
      return state satisfies never;
  }
}

/** A stranger's text on one line, at most `most` characters. */
function shortened(text: string, most: number): string {
  return plain(text.slice(0, 4 * most)).slice(0, most);
}

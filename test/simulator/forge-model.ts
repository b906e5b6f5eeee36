import { GroundcrewError } from '../../src/base/errors.ts';
import { hashOf } from '../../src/base/ids.ts';
import type { Change, StatusSeen } from '../../src/core/change.ts';
import { changeKey } from '../../src/core/subject.ts';
import type { PersonRequest } from '../../src/core/request.ts';
import { isSkipLink, parseRunLink } from '../../src/core/run-link.ts';
import type { Forge, PlaceView, StatusToPost } from '../../src/forge/forge.ts';
import { epochMs, type World } from './world.ts';

/** May ask for things, until people take it away. */
export const helper = 'carl';

/** Who may do nothing. */
export const stranger = 'mallory';

/** A pull request or branch on the model forge. */
export interface ModelPlace {
  readonly key: string;
  readonly pull: number | null;
  readonly branch: string | null;
  isTrusted: boolean;
  /** It was trusted at some time. */
  wasTrusted: boolean;
  headSha: string;
  baseRef: string;
  isOpen: boolean;
  updatedAt: number;
  readonly requests: PersonRequest[];
  readonly labels: Set<string>;
  /** For each request: the contexts that the forge showed as judged when it was made. */
  readonly judgedAtRequest: Map<string, readonly string[]>;
  /** Commits that were its head, with the forge's time at which each became so first. */
  readonly headAt: Map<string, number>;
}

/** What a person writes below a pull request, or asks on a page when `sha` is given. */
export interface ModelComment {
  readonly kind: PersonRequest['kind'];
  readonly contexts?: readonly string[];
  readonly sha?: string;
  readonly isOnlyFailed?: boolean;
  /** By somebody who may not. */
  readonly isStranger?: boolean;
  /** By somebody who may, as long as people let him. */
  readonly isHelper?: boolean;
}

/** A posted status with its order of arrival. */
export interface ModelStatus extends StatusToPost {
  readonly arrived: number;
}

/** What the server is told by webhook; GitHub does not repeat what was lost. */
export interface ModelEvent {
  readonly deliveryId: string;
  readonly changeKey: string;
  readonly sha: string;
}

/**
 * GitHub as far as the protocol may rely on it: it remembers statuses, comments and reactions, may answer with yesterday's
 * view, fails, applies what it says it did not, and tells of events at most once.
 */
export class ForgeModel {
  readonly name = 'hub';
  readonly repo = 'team/project';
  readonly places = new Map<string, ModelPlace>();
  readonly statuses = new Map<string, ModelStatus>();
  /** Every status in order of arrival, for the checks. */
  readonly history: ModelStatus[] = [];
  readonly pushedShas = new Set<string>();
  /** Approvals stand as statuses on their commits. */
  readonly approvedShas = new Set<string>();
  readonly approvers = new Set<string>();
  /** What was said below pull requests, by marker; how requests were answered. */
  readonly comments = new Map<string, string>();
  readonly answers = new Map<string, 'done' | 'refused'>();
  /** Every commit that was the head of a place. */
  readonly everHead = new Set<string>();
  /** Commits that were at some time not wanted any more (superseded, closed), or wanted at two places. */
  readonly disturbedShas = new Set<string>();
  /** What was shown of each place last, to whoever asked. */
  readonly served = new Map<string, PlaceView>();
  isHostile = true;
  isAway = false;
  /** Nobody can tell who may what. */
  isDark = false;
  isHelperTrusted = true;
  onEvent: (event: ModelEvent) => void = () => undefined;
  onStatus: (status: ModelStatus) => void = () => undefined;
  readonly #world: World;
  readonly #older = new Map<string, PlaceView>();
  /** Comments as a replica shows them that lags, beside a head that does not. */
  readonly #olderRequests = new Map<string, PlaceView['requests']>();
  #shas = 0;
  #arrivals = 0;
  #deliveries = 0;
  #comments = 0;

  constructor(world: World) {
    this.#world = world;
  }

  newSha(): string {
    this.#shas += 1;
    const sha = hashOf(['sha', String(this.#shas)], 40);
    this.pushedShas.add(sha);
    return sha;
  }

  open(place: { pull: number | null; branch: string | null; isTrusted: boolean; baseRef: string }): ModelPlace {
    const key = changeKey({ forge: this.name, repo: this.repo, ...place });
    const made: ModelPlace = {
      ...place,
      wasTrusted: place.isTrusted,
      key,
      headSha: this.newSha(),
      isOpen: true,
      updatedAt: this.#clock(),
      requests: [],
      labels: new Set(),
      judgedAtRequest: new Map(),
      headAt: new Map(),
    };
    made.headAt.set(made.headSha, made.updatedAt);
    this.places.set(key, made);
    this.everHead.add(made.headSha);
    this.#changed(made, () => `${key} opened at ${made.headSha.slice(0, 6)}`);
    return made;
  }

  push(place: ModelPlace, sha: string): void {
    this.#remember(place);
    this.disturbedShas.add(place.headSha);
    // One status of a commit serves two places then, and remembers only the later one's job.
    if (this.everHead.has(sha)) this.disturbedShas.add(sha);
    this.everHead.add(sha);
    place.headSha = sha;
    this.#changed(place, () => `${place.key} pushed ${sha.slice(0, 6)}`);
    if (!place.headAt.has(sha)) place.headAt.set(sha, place.updatedAt);
  }

  setOpen(place: ModelPlace, isOpen: boolean): void {
    this.#remember(place);
    this.disturbedShas.add(place.headSha);
    place.isOpen = isOpen;
    this.#changed(place, () => `${place.key} ${isOpen ? 'reopened' : 'closed'}`);
  }

  setBase(place: ModelPlace, baseRef: string): void {
    this.#remember(place);
    this.disturbedShas.add(place.headSha);
    place.baseRef = baseRef;
    this.#changed(place, () => `${place.key} now for ${baseRef}`);
  }

  /** Somebody sets a label, or takes it away. */
  toggleLabel(place: ModelPlace, label: string): void {
    this.#remember(place);
    if (!place.labels.delete(label)) place.labels.add(label);
    this.#changed(place, () => `${place.key} labels: ${[...place.labels].join(' ')}`);
  }

  /** People change their mind about whoever made it. No version moves, and nobody is told. */
  setTrusted(place: ModelPlace, isTrusted: boolean): void {
    this.disturbedShas.add(place.headSha);
    place.isTrusted = isTrusted;
    place.wasTrusted ||= isTrusted;
    this.#world.note('forge', () => `${place.key} is ${isTrusted ? 'trusted' : 'trusted no more'}`);
  }

  comment(place: ModelPlace, said: ModelComment): void {
    const { kind, contexts = [], sha = null, isOnlyFailed = false, isHelper = false } = said;
    const isStranger = said.isStranger === true || (isHelper && !this.isHelperTrusted);
    this.#remember(place);
    if (!this.#olderRequests.has(place.key)) {
      this.#olderRequests.set(place.key, [...place.requests]);
      this.#world.at(5_000, () => this.#olderRequests.delete(place.key));
    }
    this.#comments += 1;
    const judged = [...this.statuses.values()]
      .filter((status) => status.sha === place.headSha && status.state !== 'pending')
      .map((status) => status.context);
    place.judgedAtRequest.set(`comment-${String(this.#comments)}`, judged);
    this.#changed(
      place,
      () => `comment: ${isStranger ? 'a stranger’s ' : ''}${kind} ${contexts.join(' ')} on ${place.key}`,
    );
    place.requests.push({
      id: `comment-${String(this.#comments)}`,
      kind,
      by: isHelper ? helper : isStranger ? stranger : 'anna',
      sha,
      contexts,
      jobId: null,
      isDone: false,
      askedAt: place.updatedAt,
      ...(isOnlyFailed ? { isOnlyFailed } : {}),
      ...(isStranger ? { isRefused: true } : {}),
      ...(kind === 'skip' ? { text: 'known' } : {}),
    });
  }

  /** The forge's own clock, which nobody sets: a version can be compared with what ours says. */
  #clock(): number {
    return epochMs + Math.round(this.#world.now);
  }

  #remember(place: ModelPlace): void {
    this.#older.set(place.key, this.#view(place));
    this.#world.at(5_000, () => this.#older.delete(place.key));
  }

  #changed(place: ModelPlace, what: () => string): void {
    // Two changes in one millisecond still have an order.
    place.updatedAt = Math.max(place.updatedAt + 1, this.#clock());
    this.#world.note('forge', what);
    this.#deliveries += 1;
    this.onEvent({ deliveryId: `delivery-${String(this.#deliveries)}`, changeKey: place.key, sha: place.headSha });
  }

  #view(place: ModelPlace): PlaceView {
    const change: Change = {
      key: place.key,
      forge: this.name,
      repo: this.repo,
      pull: place.pull,
      branch: place.branch,
      headSha: place.headSha,
      baseRef: place.baseRef,
      title: 'a change',
      author: 'bob',
      labels: [...place.labels],
      isDraft: false,
      isOpen: place.isOpen,
      trust: this.#trustIn(place),
      version: place.updatedAt,
    };
    const statuses: StatusSeen[] = [];
    for (const status of this.statuses.values()) {
      if (status.sha !== place.headSha) continue;
      const link = parseRunLink(status.targetUrl ?? '');
      statuses.push({
        context: status.context,
        state: status.state,
        description: status.description,
        jobId: link?.jobId ?? null,
        generation: link?.generation ?? null,
        changeJobId: link?.changeJobId ?? null,
        isCanceled: link?.isCanceled ?? false,
        ...(isSkipLink(status.targetUrl ?? '') ? { isSkip: true } : {}),
      });
    }
    return {
      change,
      statuses,
      requests: place.requests.map((request) => this.#shown(request)),
      approvedShas: [...this.approvedShas],
    };
  }

  #trustIn({ pull, isTrusted }: ModelPlace): Change['trust'] {
    if (pull === null) return 'trusted';
    if (this.isDark) return 'unknown';
    return isTrusted ? 'trusted' : 'untrusted';
  }

  /** A request, with what is said just now of who made it. */
  #shown({ isRefused = false, ...request }: PersonRequest): PersonRequest {
    if (this.isDark) return { ...request, isUnclear: true };
    return isRefused || (request.by === helper && !this.isHelperTrusted) ? { ...request, isRefused: true } : request;
  }

  /** What is said of people there is not what was shown of them last; what nobody can tell is no news. */
  isDoubtful(place: ModelPlace): boolean {
    const served = this.served.get(place.key);
    if (served === undefined || this.isDark) return false;
    if (served.change.trust !== this.#trustIn(place)) return true;
    return served.requests.some(
      ({ by, isUnclear, isRefused }) =>
        isUnclear === true || (by === helper && !this.isHelperTrusted && isRefused !== true),
    );
  }

  #viewAsServed(place: ModelPlace): PlaceView {
    const { dice } = this.#world;
    const older = this.#older.get(place.key);
    if (older !== undefined && this.isHostile && dice.chance(0.2)) return older;
    const requests = this.#olderRequests.get(place.key);
    const isLagging = requests !== undefined && this.isHostile && dice.chance(0.2);
    const view = this.#view(place);
    return isLagging ? { ...view, requests: requests.map((request) => this.#shown(request)) } : view;
  }

  async #answer<T>(effect: () => T): Promise<T> {
    const { dice } = this.#world;
    await this.#world.pause(dice.between(5, 80));
    if (this.isAway || (this.isHostile && dice.chance(0.03)))
      throw new GroundcrewError('forge/unavailable', '502', { retry: 'later' });
    return effect();
  }

  /** A write may arrive late, and may arrive although the answer says that it failed. */
  async #write(effect: () => void): Promise<void> {
    const { dice } = this.#world;
    await this.#world.pause(dice.between(5, 80));
    const isFailed = this.isAway || (this.isHostile && dice.chance(0.06));
    if (!isFailed) {
      effect();
      await this.#world.pause(dice.between(0, 20));
      return;
    }
    if (!this.isAway && dice.chance(0.4)) this.#world.at(dice.between(0, 3_000), effect);
    throw new GroundcrewError('forge/unavailable', 'timed out', { retry: 'later' });
  }

  port(): Forge {
    return {
      name: this.name,
      remembersStatuses: true,
      repos: () => [this.repo],
      places: () =>
        this.#answer(() =>
          [...this.places.values()]
            .filter((place) => place.isOpen)
            .map((place) => ({
              changeKey: place.key,
              headSha: place.headSha,
              version: place.updatedAt,
              ...(this.isDoubtful(place) ? { isDoubtful: true } : {}),
            })),
        ),
      view: (_repo, key) =>
        this.#answer(() => {
          const place = this.places.get(key);
          if (place === undefined) return null;
          const view = this.#viewAsServed(place);
          this.served.set(key, view);
          return view;
        }),
      fileAt: () => Promise.resolve(null),
      headOf: (_repo, ref) => this.#answer(() => hashOf(['base', ref], 40)),
      changedFiles: () => Promise.resolve(null),
      cloneUrl: () => 'https://example.invalid/team/project',
      setStatus: (status) =>
        this.#write(() => {
          this.#arrivals += 1;
          const arrived = { ...status, arrived: this.#arrivals };
          this.statuses.set(`${status.sha} ${status.context}`, arrived);
          this.history.push(arrived);
          this.#world.note(
            'forge',
            () => `status ${status.sha.slice(0, 6)} ${status.context}: ${status.state} (${status.description})`,
          );
          this.onStatus(arrived);
        }),
      rememberApproval: (_repo, sha, by) =>
        this.#write(() => {
          this.approvedShas.add(sha);
          this.approvers.add(by);
        }),
      comment: ({ marker, text }) =>
        this.#write(() => {
          // One that is there already is not posted again.
          if (!this.comments.has(marker)) this.comments.set(marker, text);
        }),
      markRequestDone: (_repo, id, _signal, answer = 'done') =>
        this.#write(() => {
          this.answers.set(id, answer);
          // Now and then somebody takes the reaction away again.
          if (this.isHostile && this.#world.dice.chance(0.03)) return;
          for (const place of this.places.values()) {
            const at = place.requests.findIndex((request) => request.id === id);
            const request = place.requests[at];
            if (request !== undefined) place.requests[at] = { ...request, isDone: true };
          }
        }),
      watch: (_hear, signal) =>
        new Promise((resolve) => {
          signal.addEventListener(
            'abort',
            () => {
              resolve();
            },
            { once: true },
          );
        }),
    };
  }
}

import type { PlaceView } from '../../forge.ts';
import type { GitHubCache } from '../client/github-cache.ts';
import type { Trusted } from './trust.ts';

/** More people are not noted of one place: a hundred of them may ask for something while nobody can tell. */
const mostNoted = 20;

const signs: Readonly<Record<Trusted, string>> = { yes: '+', no: '-', unknown: '?' };

/**
 * Remembers of an open pull request on whose trust its last view rests: those who decide what it is, and whoever could not be
 * judged. When GitHub says something else of one of them, it is looked at again, though it stands there unchanged.
 */
export async function noteTrust(
  cache: GitHubCache,
  changeKey: string,
  seen: {
    readonly view: PlaceView;
    readonly deciders: readonly string[];
    readonly others: readonly string[];
    readonly trusts: (login: string) => Trusted;
  },
): Promise<void> {
  const { view, deciders, others, trusts } = seen;
  const unclear = others.filter((login) => trusts(login) === 'unknown');
  const people = [...new Set([...deciders, ...unclear].map((login) => login.toLowerCase()))].slice(0, mostNoted);
  const now = view.change.isOpen ? people.map((login) => signs[trusts(login)] + login).join(' ') : null;
  if (now === (cache.note('trust', changeKey)?.value ?? null)) return;
  if (now === null) await cache.dropNote('trust', changeKey);
  else await cache.keepNote('trust', changeKey, now);
}

/** What is noted of places with such keys: everybody in it, and whether it is news what is said of them now. */
export interface TrustNote {
  readonly changeKey: string;
  readonly people: readonly string[];
  /** What nobody can tell is no news. */
  readonly isNews: (judged: ReadonlyMap<string, Trusted>) => boolean;
}

export function trustNotes(cache: GitHubCache, prefix: string): readonly TrustNote[] {
  return cache.noted('trust', prefix).map(({ key, value }) => {
    const entries = value.split(' ').map((entry) => ({ sign: entry.slice(0, 1), login: entry.slice(1) }));
    return {
      changeKey: key,
      people: entries.map(({ login }) => login),
      isNews: (judged) =>
        entries.some(({ sign, login }) => {
          const now = judged.get(login) ?? 'unknown';
          return now !== 'unknown' && signs[now] !== sign;
        }),
    };
  });
}

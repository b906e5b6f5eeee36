import type { Call } from './call.ts';

/** A page of a list, and the header that leads to the others. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly headers: Readonly<Record<string, string>>;
}

/** The size of a page: `per_page`, 30 by default, 100 at most. https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api */
export function pageSize(call: Call): number {
  const asked = Number.parseInt(call.query.get('per_page') ?? '', 10);
  return asked > 0 ? Math.min(asked, 100) : 30;
}

/** One page by number, with `Link`. */
export function pageOf<T>(call: Call, all: readonly T[]): Page<T> {
  const size = pageSize(call);
  const asked = Number.parseInt(call.query.get('page') ?? '', 10);
  const page = asked > 0 ? asked : 1;
  const last = Math.max(1, Math.ceil(all.length / size));
  const links: [string, number][] = [];
  if (page > 1) links.push(['prev', page - 1]);
  if (page < last) links.push(['next', page + 1], ['last', last]);
  if (page > 1) links.push(['first', 1]);
  const link = links.map(([rel, to]) => linkTo(call, rel, 'page', String(to))).join(', ');
  return { items: all.slice((page - 1) * size, page * size), headers: link === '' ? {} : { link } };
}

/** One page of what comes after a cursor (the id of the last one seen), newest first. */
export function cursorPage<T extends { readonly id: number }>(call: Call, newestFirst: readonly T[]): Page<T> {
  const cursor = Number.parseInt(call.query.get('cursor') ?? '', 10);
  const rest = cursor > 0 ? newestFirst.filter(({ id }) => id < cursor) : newestFirst;
  const items = rest.slice(0, pageSize(call));
  const last = items.at(-1);
  const isMore = last !== undefined && items.length < rest.length;
  return { items, headers: isMore ? { link: linkTo(call, 'next', 'cursor', String(last.id)) } : {} };
}

/** GitHub names a repository by its id in these links; a client follows them as they are. */
function linkTo(call: Call, rel: string, key: string, value: string): string {
  const query = new URLSearchParams(call.query);
  query.set(key, value);
  const repo = 'repo' in call ? (call.repo as { readonly id: number }) : null;
  const path = repo === null ? call.path : call.path.replace(/^\/repos\/[^/]+\/[^/]+/, `/repositories/${repo.id}`);
  return `<${call.world.urls.api}${path}?${query.toString()}>; rel="${rel}"`;
}

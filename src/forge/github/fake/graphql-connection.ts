import { type Args, define, type GraphqlNode, node, type Resolver } from './graphql-node.ts';

/** A list in pages. `rank` orders (a higher one later); ties are broken by `id`. */
export interface ConnectionItem {
  readonly node: GraphqlNode;
  readonly rank: number;
  readonly id: number | string;
}

interface Connection {
  readonly items: readonly ConnectionItem[];
  readonly page: readonly ConnectionItem[];
  /** When `items` are not all: how many there are. */
  readonly total: (() => Promise<number>) | null;
}

/**
 * A page of these items, as `first`/`after` or `last`/`before` ask for it. A cursor names a place in the order, not an item:
 * what moved away in between leaves the rest where it was.
 */
export function connection(
  typeName: string,
  items: readonly ConnectionItem[],
  args: Args,
  options: { readonly isDown?: boolean; readonly total?: () => Promise<number> } = {},
): GraphqlNode {
  const way = options.isDown === true ? -1 : 1;
  const order = (a: Pick<ConnectionItem, 'rank' | 'id'>, b: Pick<ConnectionItem, 'rank' | 'id'>): number =>
    way * (a.rank - b.rank || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const sorted = items.toSorted(order);
  const [after, before] = [placeOf(args['after']), placeOf(args['before'])];
  const within = sorted.filter(
    (item) => (after === null || order(item, after) > 0) && (before === null || order(item, before) < 0),
  );
  const { first, last } = args;
  const head = typeof first === 'number' ? within.slice(0, first) : within;
  const page = typeof last === 'number' ? head.slice(Math.max(0, head.length - last)) : head;
  const value: Connection = { items: sorted, page, total: options.total ?? null };
  return node(typeName, value);
}

function cursorOf({ rank, id }: ConnectionItem): string {
  return Buffer.from(JSON.stringify([rank, id])).toString('base64');
}

function placeOf(cursor: unknown): { readonly rank: number; readonly id: number | string } | null {
  if (typeof cursor !== 'string') return null;
  try {
    const [rank, id] = JSON.parse(Buffer.from(cursor, 'base64').toString('utf8')) as [number, number | string];
    return { rank, id };
  } catch {
    return null;
  }
}

/** Resolvers of a connection and its edges. */
export function connectionTypes(name: string): Readonly<Record<string, Readonly<Record<string, Resolver>>>> {
  const edge = `${name}Edge`;
  return {
    [`${name}Connection`]: define<Connection>({
      totalCount: ({ items, total }) => (total === null ? items.length : total()),
      nodes: ({ page }) => page.map((item) => item.node),
      edges: ({ page }) => page.map((item) => node(edge, item)),
      pageInfo: (value) => node('PageInfo', value),
    }),
    [edge]: define<ConnectionItem>({ cursor: cursorOf, node: (item) => item.node }),
  };
}

/** Resolvers of `PageInfo`. */
export const pageInfo = define<Connection>({
  startCursor: ({ page }) => (page[0] === undefined ? null : cursorOf(page[0])),
  endCursor: ({ page }) => {
    const last = page.at(-1);
    return last === undefined ? null : cursorOf(last);
  },
  hasNextPage: ({ items, page }) => page.length > 0 && items.at(-1) !== page.at(-1),
  hasPreviousPage: async ({ items, page, total }) => {
    if (page.length === 0) return false;
    return items[0] !== page[0] || (total !== null && (await total()) > items.length);
  },
});

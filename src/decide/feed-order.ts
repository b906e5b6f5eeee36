/** What orders one waiting job among others. */
export interface FeedItem {
  readonly project: string;
  readonly priority: number;
  readonly queuedAt: number;
}

/** A waiting hour weighs as much as one step of priority: nothing starves behind a stream of urgent work. */
export const agePerPriorityMs = 60 * 60_000;

/**
 * The order in which waiting jobs are fed: the project with the fewest jobs on their way goes first; inside a project
 * priority, sharpened by age; then the older. `underway` counts offered and running jobs by project and is not changed.
 * Each pick counts at once, so ten jobs of one project never go before the first of another.
 */
export function feedOrder<Item extends FeedItem>(
  waiting: readonly Item[],
  underway: ReadonlyMap<string, number>,
  now: number,
): Item[] {
  const byProject = new Map<string, Item[]>();
  for (const item of waiting) {
    const list = byProject.get(item.project);
    if (list === undefined) byProject.set(item.project, [item]);
    else list.push(item);
  }
  // Whole numbers: nothing is rounded, so the order is that of the ledger's index.
  const weight = (item: Item): number => item.priority * agePerPriorityMs + (now - item.queuedAt);
  const lanes = [...byProject].map(([project, items]) => ({
    items: items.sort((a, b) => weight(b) - weight(a) || a.queuedAt - b.queuedAt),
    load: underway.get(project) ?? 0,
    next: 0,
  }));
  const order: Item[] = [];
  for (;;) {
    let best: (typeof lanes)[number] | undefined;
    for (const lane of lanes) {
      const head = lane.items[lane.next];
      if (head === undefined) continue;
      const rival = best?.items[best.next];
      if (
        best === undefined ||
        rival === undefined ||
        lane.load < best.load ||
        (lane.load === best.load && weight(head) > weight(rival))
      )
        best = lane;
    }
    const picked = best?.items[best.next];
    if (best === undefined || picked === undefined) return order;
    order.push(picked);
    best.next += 1;
    best.load += 1;
  }
}

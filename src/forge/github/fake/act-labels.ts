import type { Label, Repository } from './records.ts';
import { change, withEntry, type World } from './world.ts';

/** Makes a label, or changes the colour of the one that is there. */
export function createLabel(world: World, repo: Repository, name: string, color = 'ededed'): Label {
  const label = makeLabel(world, name, color);
  change(world, repo, { labels: withEntry(repo.state.labels, name.toLowerCase(), label) });
  return label;
}

/** A label that belongs to no repository yet. */
export function makeLabel(world: World, name: string, color: string): Label {
  return { id: world.nextId(), name, color, description: '' };
}

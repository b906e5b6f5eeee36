import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Project } from '../config/project-settings.ts';
import { plainProject, type Settings } from '../config/settings.ts';
import { findRepository, needRepository, repositoryName } from './find-repository.ts';
import type { CliContext } from './cli-context.ts';
import type { Renewal, ServeOrder } from './wiring.ts';

/** What the command line may say about serving. */
export interface ServeOptions {
  readonly host?: string;
  readonly port?: number;
}

/** Joins command line and configuration. */
export function serveOrder(
  settings: Settings,
  projects: readonly Project[],
  options: ServeOptions,
  renewal?: Renewal,
): ServeOrder {
  return {
    settings,
    projects,
    host: options.host ?? settings.server.host,
    port: options.port ?? settings.server.port,
    isPortFixed: options.port !== undefined && options.port !== 0,
    ...(renewal === undefined ? {} : { renewal }),
  };
}

/** What is to be watched. `isExample`: nothing was named and this is groundcrew's own checkout. */
export interface Watched {
  readonly projects: readonly Project[];
  readonly isExample: boolean;
}

/**
 * The configured projects and the repositories that were named; with neither, the one of the current directory.
 * @throws UsageError `cli/no-repository`
 */
export function watchedProjects(settings: Settings, paths: readonly string[], cwd: string): Watched {
  const projects = [...settings.projects];
  const dirs = paths.map((path) => needRepository(path, cwd));
  if (dirs.length === 0 && projects.length === 0) {
    const here = findRepository(cwd);
    if (here !== null && isOwnCheckout(here)) return { projects, isExample: true };
    dirs.push(needRepository('.', cwd));
  }
  for (const dir of dirs) {
    if (projects.some((project) => project.path === dir)) continue;
    projects.push(plainProject(settings, freeName(repositoryName(dir), projects), dir));
  }
  return { projects, isExample: false };
}

/** The project that a directory belongs to: a configured one with that path, else a plain one. */
export function projectAt(settings: Settings, dir: string): Project {
  return settings.projects.find((project) => project.path === dir) ?? plainProject(settings, repositoryName(dir), dir);
}

/** Says what would be served. */
export async function describeServing(order: ServeOrder, context: CliContext): Promise<void> {
  const { settings } = order;
  await context.out.line(`state    ${settings.paths.stateDir}`);
  await context.out.line(`address  http://${order.host}:${String(order.port)}`);
  for (const project of order.projects) {
    await context.out.line(`watches  ${project.name}  ${project.path ?? project.url ?? project.forge ?? ''}`);
  }
}

function freeName(name: string, projects: readonly Project[]): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? name : `${name}-${String(count)}`;
    if (!projects.some((project) => project.name === candidate)) return candidate;
  }
}

function isOwnCheckout(dir: string): boolean {
  try {
    const found = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { readonly name?: unknown };
    return found.name === 'groundcrew';
  } catch {
    return false;
  }
}

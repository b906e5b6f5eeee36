import { createHash } from 'node:crypto';
import { gitForgeName, type Project } from './project-settings.ts';

/** The first 12 hex digits of the SHA-256 of the effective policy: what is written otherwise but means the same is the same. */
export function policyVersion(projects: readonly Project[]): string {
  return createHash('sha256').update(canonical(projects)).digest('hex').slice(0, 12);
}

/** A project by its place: the forge that it is looked at through, and its name there. */
export interface ProjectPlace {
  readonly forge: string;
  readonly repo: string;
}

/** The projects that are new, gone, or no longer what they were. */
export function changedProjects(before: readonly Project[], after: readonly Project[]): readonly ProjectPlace[] {
  const old = new Map(before.map((project) => [keyOf(project), project]));
  const now = new Map(after.map((project) => [keyOf(project), project]));
  return [...new Map([...old, ...now])].flatMap(([key, project]) => {
    const [was, is] = [old.get(key), now.get(key)];
    const isSame = was !== undefined && is !== undefined && canonical(was) === canonical(is);
    return isSame ? [] : [placeOf(project)];
  });
}

/** Where a project is looked at. */
export function placeOf(project: Project): ProjectPlace {
  return { forge: project.forge ?? gitForgeName, repo: project.name };
}

/** JSON in which the order of keys says nothing. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function keyOf(project: Project): string {
  return `${project.forge ?? gitForgeName}|${project.name}`;
}

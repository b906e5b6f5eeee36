import { findInTree, readTreeFile } from './tree-file.ts';

/** Where a repository names its container image; the first that is there counts. */
export const containerFiles = ['.groundcrew/container', '.cockpit-ci/container'] as const;

/** What the repository says about its image. `bad` is the change's failure `container-file`; `detail` is one line. */
export type ContainerFile =
  | { readonly kind: 'image'; readonly image: string; readonly file: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly detail: string };

const mostBytes = 8192;

/** Reads the container file of a fresh checkout. */
export async function readContainerFile(treeDir: string): Promise<ContainerFile> {
  for (const file of containerFiles) {
    const found = await findInTree(treeDir, file);
    if (found.kind === 'missing') continue;
    if (found.kind === 'unusable') return { kind: 'bad', detail: `${file} is ${found.why}` };
    if (found.sizeBytes > mostBytes) {
      return { kind: 'bad', detail: `${file} has ${found.sizeBytes} bytes: expected one line with an image` };
    }
    const parsed = parseContainerFile((await readTreeFile(found, mostBytes)).toString('utf8'));
    if (parsed.kind === 'bad') return { kind: 'bad', detail: `${file}: ${parsed.detail}` };
    return { kind: 'image', image: parsed.image, file };
  }
  return { kind: 'none' };
}

/** The one image of a container file; empty lines and lines from `#` on are skipped. */
export function parseContainerFile(
  text: string,
): { readonly kind: 'image'; readonly image: string } | { readonly kind: 'bad'; readonly detail: string } {
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const [image] = lines;
  if (image === undefined) return { kind: 'bad', detail: 'it names no image' };
  if (lines.length > 1) return { kind: 'bad', detail: `it has ${lines.length} lines: expected one with an image` };
  if (!isImageReference(image)) {
    const shown = JSON.stringify(image.slice(0, 100)).replace(/[^\u0020-\u007e]/g, '?');
    return { kind: 'bad', detail: `${shown} is no image name (expected for example quay.io/example/tests:latest)` };
  }
  return { kind: 'image', image };
}

/**
 * `[host[:port]/]path[:tag][@digest]`, strictly: nothing that a runtime would take for an option, a transport
 * (`docker-archive:`) or a path. https://github.com/distribution/reference/blob/main/regexp.go
 */
export function isImageReference(text: string): boolean {
  if (text.length > 500) return false;
  const match = /^([^@]+)(?:@([a-z0-9]+:[0-9a-f]{32,128}))?$/.exec(text);
  if (match?.[1] === undefined) return false;
  const slash = match[1].lastIndexOf('/');
  const last = match[1].slice(slash + 1);
  const colon = last.indexOf(':');
  const tag = colon < 0 ? null : last.slice(colon + 1);
  if (tag !== null && !/^\w[\w.-]{0,127}$/.test(tag)) return false;
  const parts = [...(slash < 0 ? [] : match[1].slice(0, slash).split('/')), colon < 0 ? last : last.slice(0, colon)];
  const isComponent = (part: string): boolean => /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/.test(part);
  const isHost = (part: string): boolean =>
    /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::\d{1,5})?$/.test(part);
  return parts.every((part, index) => isComponent(part) || (index === 0 && parts.length > 1 && isHost(part)));
}

import type { RunEnd } from '../executor.ts';
import { reasonIn, type PodmanCommand } from './podman-command.ts';

/** An image in this machine's storage. */
export interface LocalImage {
  readonly id: string;
  /** `sha256:…` of the manifest, which names the same image on every machine. */
  readonly digest: string;
  readonly user: string;
}

/** The image that `name` meant, by its digest: `registry/path@sha256:…`, which any machine can fetch again. */
export function pinnedReference(name: string, { digest }: Pick<LocalImage, 'digest'>): string {
  const withoutDigest = name.replace(/@sha256:[0-9a-f]{64}$/, '');
  // A bare id has no repository; a colon before the last slash is a port.
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(withoutDigest)) return digest;
  return `${withoutDigest.replace(/:[^:/]+$/, '')}@${digest}`;
}

type Broken = Extract<RunEnd, { kind: 'broken' }>;

/** How the image was had. */
export type ImageResult =
  { readonly isThere: true; readonly image: LocalImage } | { readonly isThere: false; readonly end: Broken };

/** Looks an image up in the storage, and pulls it only when it is not there. */
export async function ensureImage(
  podman: PodmanCommand,
  request: { readonly name: string; readonly globalFlags: readonly string[]; readonly signal: AbortSignal },
  progress: (line: string) => void,
): Promise<ImageResult> {
  const { name, globalFlags, signal } = request;
  const there = await inspect(podman, globalFlags, name);
  if (there !== null) return { isThere: true, image: there };
  if (name.startsWith('localhost/')) {
    // `localhost/` is this machine's own storage; there is no registry behind it to ask.
    return { isThere: false, end: unknownImage(name, 'it is not in the storage of this machine') };
  }
  progress(`Pulling ${name}`);
  const lines = new LineSplitter(progress);
  const pulled = await podman([...globalFlags, 'pull', '--', name], {
    signal,
    timeoutMs: 30 * 60_000,
    onStderr: (bytes) => {
      lines.add(bytes);
    },
  });
  const found = pulled.exitCode === 0 ? await inspect(podman, globalFlags, name) : null;
  if (found !== null) return { isThere: true, image: found };
  const said = pulled.stderr.toString('utf8');
  if (isUnknownImage(said)) return { isThere: false, end: unknownImage(name, reasonIn(said)) };
  const why = pulled.killedBy === null ? reasonIn(said) : 'the pull was stopped';
  return {
    isThere: false,
    end: { kind: 'broken', cause: 'image-pull', detail: `cannot pull ${name}: ${why}`, isChangesFault: false },
  };
}

/**
 * True when the registry answered and does not have the image, or the name is none: nobody but who named it can mend
 * that. Registries answer "denied" for what does not exist, so as not to tell. Anything else, an unreachable registry
 * above all, is the machinery's. Messages seen of podman 4.3 with Debian's docker-registry 2.8; those of Docker Hub
 * and Quay as their API documents them.
 */
export function isUnknownImage(stderr: string): boolean {
  return unknown.test(stderr) && !/connection refused|no such host|i\/o timeout|TLS handshake|x509:/i.test(stderr);
}

const unknown =
  /manifest unknown|name unknown|repository .* not found|requested access to the resource is denied|access to the requested resource is not authorized|authentication required|\bdenied: |invalid reference format|repository name must be lowercase|did not resolve to an alias|short-name .* could not be resolved|invalid image name/i;

function unknownImage(name: string, why: string): Broken {
  return { kind: 'broken', cause: 'unknown-image', detail: `no image ${name}: ${why}`, isChangesFault: true };
}

async function inspect(
  podman: PodmanCommand,
  globalFlags: readonly string[],
  name: string,
): Promise<LocalImage | null> {
  const format = '{{.Id}} {{.Digest}} {{.Config.User}}';
  const found = await podman([...globalFlags, 'image', 'inspect', '--format', format, '--', name]);
  const match = /^([0-9a-f]{64}) (sha256:[0-9a-f]{64})? ?(.*)$/.exec(found.stdout.toString('utf8').trim());
  if (found.exitCode !== 0 || match === null) return null;
  return { id: match[1] ?? '', digest: match[2] ?? `sha256:${match[1] ?? ''}`, user: (match[3] ?? '').trim() };
}

/** Hands on whole lines; what would be endless is cut. */
class LineSplitter {
  readonly #hear: (line: string) => void;
  #rest = '';

  constructor(hear: (line: string) => void) {
    this.#hear = hear;
  }

  add(bytes: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(bytes).toString('utf8')).split(/[\r\n]+/);
    this.#rest = (lines.pop() ?? '').slice(0, 1000);
    for (const line of lines) if (line.trim() !== '') this.#hear(line.slice(0, 1000));
  }
}

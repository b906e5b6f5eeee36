import { exec, type ExecResult } from '../../base/exec.ts';
import { GroundcrewError } from '../../base/errors.ts';

/** Calls podman. */
export type PodmanCommand = (
  args: readonly string[],
  options?: {
    readonly signal?: AbortSignal;
    readonly timeoutMs?: number;
    readonly input?: Uint8Array;
    readonly onStderr?: (bytes: Uint8Array) => void;
  },
) => Promise<ExecResult>;

/** podman found in PATH of `env`, which is its whole environment. A missing podman ends with 127. */
export function createPodmanCommand(env: Readonly<Record<string, string>>): PodmanCommand {
  return async (args, options = {}) => {
    try {
      return await exec(['podman', ...args], { env, graceMs: 1000, timeoutMs: 120_000, ...options });
    } catch (error) {
      if (!(error instanceof GroundcrewError)) throw error;
      const stderr = Buffer.from(error.message);
      return { exitCode: 127, stdout: Buffer.alloc(0), stderr, isTruncated: false, killedBy: null };
    }
  };
}

/** The line of podman's stderr that says why, without control characters. */
export function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const told = lines.findLast((line) => line.startsWith('Error:')) ?? lines.at(-1) ?? 'podman said nothing';
  return told
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .replace(/^Error: /, '')
    .slice(0, 500);
}

/** True for an error of the operating system with one of these codes. */
export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.some((code) => code === error.code);
}

/** For `catch`: null when there is nothing under that name that we would open (also not through a symbolic link). */
export function absent(error: unknown): null {
  if (hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) return null;
  throw error;
}

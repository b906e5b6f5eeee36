/** What a launch script does before it becomes the command. */
export interface LaunchScript {
  /** Exported by name; names that a shell cannot export are handed over by env(1). */
  readonly env: Readonly<Record<string, string>>;
  /** Entered first; null stays. */
  readonly cwd: string | null;
  /** Control groups to enter; one that refuses is done without. */
  readonly cgroups: readonly string[];
  /** Gets one line when the command could not be reached. */
  readonly troubleFile: string;
  readonly argv: readonly string[];
}

/**
 * A POSIX shell script that sets up the environment and then is replaced by the command. Values travel in this file
 * (0600), not in an argument list, where every user of the machine could read them.
 * The command that is not there ends with 127, one that cannot be executed with 126, as the shell has it.
 */
export function launchScript(script: LaunchScript): string {
  const lines = ['set -u', 'unset PWD OLDPWD SHLVL'];
  const odd: string[] = [];
  if (script.cwd !== null) {
    const cd = `cd -- ${quoted(script.cwd)}`;
    // Again for the reason: a file that is made for nothing would have to be removed by a program.
    lines.push(`${cd} 2>/dev/null || ${cd} 2>${quoted(script.troubleFile)} || exit 125`);
  }
  for (const group of script.cgroups) {
    lines.push(`echo "$$" 2>/dev/null >${quoted(`${group}/cgroup.procs`)} || :`);
  }
  lines.push('unset PWD OLDPWD');
  for (const [name, value] of Object.entries(script.env)) {
    if (isShellName(name)) lines.push(`export ${name}=${quoted(value)}`);
    else odd.push(`${name}=${value}`);
  }
  const argv = odd.length === 0 ? script.argv : ['env', ...odd, ...script.argv];
  lines.push(`exec ${argv.map(quoted).join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** True for what `export` takes and the script itself does not need. */
export function isShellName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellsOwn.has(name);
}

// Setting these changes the shell that reads the script, or fails because the shell holds them read-only.
const shellsOwn = new Set(['IFS', 'PPID', 'UID', 'EUID', 'BASHOPTS', 'SHELLOPTS', 'BASH_VERSINFO', 'OPTIND', 'LINENO']);

/** One word for a POSIX shell, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

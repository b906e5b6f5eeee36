import type { Command } from 'commander';

/** Words that may follow the words so far: `''` the commands, `hook` its own, `hook install` its options. */
interface Completion {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly meaning: string }[];
}

/** The script for one shell. It holds all words itself, so completing starts no process. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const all = completions(program, []);
  if (shell === 'bash') return bash(all);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bash(all)}` : fish(all);
}

function completions(command: Command, path: readonly string[]): readonly Completion[] {
  const help = command.createHelp();
  const visible = help.visibleCommands(command).filter((child) => child.name() !== 'help' || path.length === 0);
  const words = [
    ...visible.map((child) => ({ word: child.name(), meaning: child.summary() || child.description() })),
    ...help
      .visibleOptions(command)
      .map((option) => ({ word: option.long ?? option.short ?? '', meaning: option.description })),
  ];
  return [
    { path: path.join(' '), words },
    ...visible
      .filter((child) => child.name() !== 'help')
      .flatMap((child) => completions(child, [...path, child.name()])),
  ];
}

function bash(all: readonly Completion[]): string {
  const cases = all.map(({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`);
  return `_groundcrew() {
  local word words='' path='' index
  local known='${all.map(({ path }) => `|${path}|`).join('')}'
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    case "$known" in *"|\${path:+$path }$word|"*) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  word="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _groundcrew groundcrew
`;
}

function fish(all: readonly Completion[]): string {
  const names = all.filter(({ path }) => path !== '' && !path.includes(' ')).map(({ path }) => path);
  const lines = all.flatMap(({ path, words }) => {
    const parts = path === '' ? [] : path.split(' ');
    const condition =
      parts.length === 0
        ? `not __fish_seen_subcommand_from ${names.join(' ')}`
        : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
    return words.map(({ word, meaning }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`;
      return `complete -c groundcrew -n '${condition}' ${what} -d '${meaning.replace(/\\/g, '').replace(/'/g, '’')}'`;
    });
  });
  return `${lines.join('\n')}\n`;
}

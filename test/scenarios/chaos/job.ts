import { ticksFunction } from '../kill/ticks.ts';

/** What one job of the scenario does, and what has to be said about it. `ticks`: numbered lines that it prints. */
export const jobKinds = {
  pass: { exitCode: 0, ticks: 5 },
  fail: { exitCode: 1, ticks: 5 },
  odd: { exitCode: 42, ticks: 2 },
  // A second or two, in which things happen.
  slow: { exitCode: 0, ticks: 20 },
  // Long enough that a broker goes and comes back meanwhile.
  long: { exitCode: 0, ticks: 120 },
  // Many lines, so that faults hit the log's way to the store.
  loud: { exitCode: 0, ticks: 20_000 },
} as const;
export type JobKind = keyof typeof jobKinds;

/** The contexts of each change; each has a line in the change's file of kinds. */
export const contexts = ['one', 'two'] as const;
export type Context = (typeof contexts)[number];

/** The file of the tree that says what its jobs do; that of a pull request goes before that of main, so that they never conflict. */
export const kindsFile = { main: 'kinds', pull: 'pull-kinds' } as const;

/** The content of such a file. */
export function kindsText(kinds: Readonly<Record<Context, JobKind>>): string {
  return contexts.map((context) => `${context} ${kinds[context]}\n`).join('');
}

/**
 * The jobs' script. It writes into `$SIDE/runs`, which no fault touches, when it begins and how it ends, under the nonce of its
 * attempt, so that who ran how often does not depend on anything that groundcrew says.
 */
export const jobScript = `#!/bin/sh
nonce=$(echo "$TEST_ATTACHMENTS" | grep -oE '[0-9a-f]{16}' | tail -n 1)
say() { echo "$1 $nonce $TEST_REVISION $TEST_OS $(date +%s%3N) $2" >>"$SIDE/runs"; }
say start $$
trap 'say term -; exit 143' TERM
files=${kindsFile.main}
[ ! -e ${kindsFile.pull} ] || files=${kindsFile.pull}
kind=$(sed -n "s/^$TEST_OS //p" "$files")
echo "$kind" >"$TEST_ATTACHMENTS/note.txt"
${ticksFunction}
code=0
case $kind in
  pass) ticks 5 '' ;;
  fail) ticks 5 '' && code=1 ;;
  odd) ticks 2 '' && code=42 ;;
  slow) ticks 20 0.1 ;;
  long) ticks 120 0.1 ;;
  loud)
    seq 1 10000 | sed 's/^/tick /'
    sleep 0.5
    seq 10001 20000 | sed 's/^/tick /'
    ;;
esac
echo "the end of $kind"
say end "$code"
exit "$code"
`;

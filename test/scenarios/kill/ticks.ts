/** A shell function for jobs of scenarios: `ticks NUMBER PAUSE` prints numbered lines, with a pause (s, may be empty) after each. */
export const ticksFunction = `ticks() { # NUMBER PAUSE
  n=0
  while [ "$n" -lt "$1" ]; do
    n=$((n + 1))
    echo "tick $n"
    [ -z "$2" ] || sleep "$2"
  done
}`;

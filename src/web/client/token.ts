const key = 'groundcrew.token';

/** Moves `#token=…`, as the command line prints it, into this browser's storage and out of the address bar. */
export function takeTokenFromAddress(): void {
  const match = /^#token=([\x21-\x7e]{1,512})$/.exec(location.hash);
  if (match?.[1] === undefined) return;
  keepToken(decodeURIComponent(match[1]));
  history.replaceState(history.state, '', location.pathname + location.search);
}

/** The token that this browser was given; null when there is none. */
export function token(): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return kept;
  }
}

/** Keeps the token; null forgets it. Without storage it lasts as long as the page. */
export function keepToken(value: string | null): void {
  kept = value;
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    return;
  }
}

let kept: string | null = null;

/** Keeps relative times and running durations true while the page is open. */
export function keepTimes(): void {
  const update = (): void => {
    const now = Date.now();
    for (const element of document.querySelectorAll<HTMLElement>('[data-since]')) {
      setText(element, duration(now - Number(element.dataset['since'])));
    }
    for (const element of document.querySelectorAll<HTMLTimeElement>('time[data-relative]')) {
      setText(element, relative(Date.parse(element.dateTime), now));
    }
  };
  update();
  setInterval(() => {
    if (!document.hidden) update();
  }, 1000);
}

// Writing the same text again would wake screen readers and the layout for nothing.
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The same words as `pages/format.ts` of the server. */
function relative(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 10) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  if (seconds < 14 * 86_400) return `${Math.floor(seconds / 86_400)} days ago`;
  return new Date(at).toISOString().slice(0, 10);
}

function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

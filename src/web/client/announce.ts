/** Says a sentence to those who do not see the page; the same sentence twice is said twice. */
export function announce(sentence: string): void {
  const place = document.getElementById('announcer');
  if (place === null) return;
  place.textContent = '';
  setTimeout(() => {
    place.textContent = sentence;
  }, 50);
}

/** Shows and says a sentence for a while. */
export function toast(sentence: string, tone: 'success' | 'danger'): void {
  announce(sentence);
  const place = document.getElementById('toasts');
  if (place === null) return;
  const box = document.createElement('div');
  box.className = `pf-v6-c-alert pf-m-inline pf-m-${tone} gc-toast`;
  const text = document.createElement('p');
  text.className = 'pf-v6-c-alert__title';
  text.textContent = sentence;
  box.append(text);
  place.append(box);
  setTimeout(() => box.remove(), 8000);
}

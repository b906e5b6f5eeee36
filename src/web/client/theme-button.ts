import { announce } from './announce.ts';

/** Shows the button that switches between light and dark, and keeps the choice. */
export function wireTheme(): void {
  const button = document.getElementById('theme');
  if (button === null) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    const isDark = document.documentElement.classList.toggle('pf-v6-theme-dark');
    try {
      localStorage.setItem('groundcrew.theme', isDark ? 'dark' : 'light');
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    announce(isDark ? 'Dark' : 'Light');
  });
}

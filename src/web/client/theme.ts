// Loaded before the page is drawn, as a classic script, so that a dark page never flashes white.
{
  const kept = ((): string | null => {
    try {
      return localStorage.getItem('groundcrew.theme');
    } catch {
      return null;
    }
  })();
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    const isDark = kept === null ? prefersDark.matches : kept === 'dark';
    document.documentElement.classList.toggle('pf-v6-theme-dark', isDark);
  };
  apply();
  if (kept === null) prefersDark.addEventListener('change', apply);
}

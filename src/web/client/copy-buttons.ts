import { announce } from './announce.ts';

/** Shows the copy buttons where copying works. */
export function wireCopyButtons(root: ParentNode = document): void {
  // On plain http only loopback has a clipboard; the text can be selected by hand everywhere.
  if (!isSecureContext) return;
  for (const button of root.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      void navigator.clipboard.writeText(button.dataset['copy'] ?? '').then(
        () => announce('Copied'),
        () => announce('Copying was refused'),
      );
    });
  }
}

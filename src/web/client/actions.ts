import { toast } from './announce.ts';
import { keepToken, token } from './token.ts';

const names = ['kind', 'jobId', 'changeKey', 'sha', 'worker', 'wish'];

/** Sends the pages' forms in place, with the token of this browser, and asks for it when there is none. */
export function wireActions(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset['action'] === undefined) return;
    event.preventDefault();
    void act(form, form.dataset['action']);
  });
}

async function act(form: HTMLFormElement, label: string): Promise<void> {
  const button = form.querySelector('button');
  const fields = new FormData(form);
  const body: Record<string, string> = { by: 'page' };
  for (const name of names) {
    const value = fields.get(name);
    if (typeof value === 'string') body[name] = value;
  }
  if (button !== null) button.disabled = true;
  try {
    const shown = token() ?? (await askForToken());
    if (shown === null) return;
    const answer = await fetch(form.dataset['api'] ?? '/api/requests', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${shown}` },
      body: JSON.stringify(body),
    });
    if (answer.status === 401) {
      keepToken(null);
      toast('The token is not right; try again with the one that groundcrew printed.', 'danger');
    } else if (answer.ok) {
      toast(`${label}: asked for. The page shows it as soon as it is done.`, 'success');
    } else {
      const { error } = (await answer.json()) as { error?: string };
      toast(`${label}: ${error ?? `the server answered ${answer.status}`}`, 'danger');
    }
  } catch {
    toast(`${label}: the server did not answer. Try again.`, 'danger');
  } finally {
    if (button !== null) {
      button.disabled = false;
      // Disabling dropped the focus; a keyboard user goes on where they were.
      if (document.activeElement === document.body) button.focus();
    }
  }
}

function askForToken(): Promise<string | null> {
  const dialog = document.getElementById('token-dialog');
  const input = document.getElementById('token-input');
  if (!(dialog instanceof HTMLDialogElement) || !(input instanceof HTMLInputElement)) return Promise.resolve(null);
  input.value = '';
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      'close',
      () => {
        const value = input.value.trim();
        input.value = '';
        if (dialog.returnValue !== 'ok' || value === '') {
          resolve(null);
          return;
        }
        keepToken(value);
        resolve(value);
      },
      { once: true },
    );
  });
}

/**
 * The name of one check: `image[/scenario][@bots#N][@[forge:]owner/repo[/ref]]`, as Cockpit's people write it.
 * `scenario` may hold slashes. `repo` keeps its forge prefix apart.
 */
export interface CheckContext {
  readonly image: string;
  readonly scenario: string | null;
  readonly botsPull: number | null;
  readonly foreign: { readonly forge: string | null; readonly repo: string; readonly ref: string | null } | null;
}

/** Reads a context; null when the text is none. `formatContext` is the inverse. */
export function parseContext(text: string): CheckContext | null {
  const [name = '', ...rest] = text.split('@');
  const slash = name.indexOf('/');
  const image = slash < 0 ? name : name.slice(0, slash);
  const scenario = slash < 0 ? null : name.slice(slash + 1);
  if (image === '' || scenario === '') return null;
  let botsPull: number | null = null;
  if (rest[0]?.startsWith('bots#') === true) {
    const digits = rest.shift()?.slice('bots#'.length) ?? '';
    if (!/^[1-9]\d{0,8}$/.test(digits)) return null;
    botsPull = Number(digits);
  }
  if (rest.length > 1) return null;
  const foreign = rest[0] === undefined ? null : parseForeign(rest[0]);
  if (rest[0] !== undefined && foreign === null) return null;
  return { image, scenario, botsPull, foreign };
}

function parseForeign(text: string): CheckContext['foreign'] {
  const match = /^(?:([^:/]+):)?([^:/]+\/[^/]+)(?:\/(.+))?$/s.exec(text);
  if (match?.[2] === undefined) return null;
  return { forge: match[1] ?? null, repo: match[2], ref: match[3] ?? null };
}

/** Writes a context as people read it. */
export function formatContext(context: CheckContext): string {
  const parts = [context.scenario === null ? context.image : `${context.image}/${context.scenario}`];
  if (context.botsPull !== null) parts.push(`bots#${String(context.botsPull)}`);
  if (context.foreign !== null) {
    const { forge, repo, ref } = context.foreign;
    parts.push(`${forge === null ? '' : `${forge}:`}${repo}${ref === null ? '' : `/${ref}`}`);
  }
  return parts.join('@');
}

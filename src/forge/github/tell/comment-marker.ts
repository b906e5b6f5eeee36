import { hashOf } from '../../../base/ids.ts';

const opening = '<!-- groundcrew:';

/** The line that nobody sees by which we know our words again. The name may be any text. */
export function markerLine(name: string): string {
  // Within an HTML comment, `--` and `>` would end it.
  const isPlain = /^[\w./:@#+=|-]{1,200}$/.test(name) && !name.includes('--') && !name.endsWith('-');
  return `${opening}${isPlain ? name : hashOf([name])} -->`;
}

/** True for any words of ours. */
export function hasMarker(body: string): boolean {
  return body.includes(opening);
}

// GitHub refuses a comment or issue over 65,536 characters with 422; an emoji counts as two or more there, so some room is left.
// https://docs.github.com/en/rest/issues/comments#create-an-issue-comment
const mostText = 60_000;

/** The text with its marker, short enough for GitHub. */
export function withMarker(text: string, name: string): string {
  const kept = text.length <= mostText ? text : `${text.slice(0, mostText)}\n\n(cut)`;
  return `${kept}\n\n${markerLine(name)}`;
}

/**
 * Text for a comment or an issue, whoever wrote parts of it: it calls nobody (`@name`, `@team/all`), hides nothing and
 * forges no mark of ours in an HTML comment, has no control characters, and is at most `longest` UTF-16 units long.
 * A zero-width space stops a mention also where an entity would be shown as it is (code).
 * https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#mentioning-people-and-teams
 */
export function quietText(text: string, longest: number): string {
  const plain = text
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ')
    .replace(/<(?=!--)/g, '&lt;')
    .replace(/(?<![\p{L}\p{N}_])@(?=[\p{L}\p{N}_])/gu, '@\u200b');
  if (plain.length <= longest) return plain;
  return `${plain.slice(0, longest - 2).replace(/[\ud800-\udbff]$/, '')}\n…`;
}

/** A stranger's words as Markdown code on one line: no mark-up, no mention, no reference in it works. */
export function codeSpan(text: string): string {
  const line = text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .trim()
    .slice(0, 300)
    .replace(/[\ud800-\udbff]$/, '');
  // The fence is longer than any run of backticks inside. https://spec.commonmark.org/0.31.2/#code-spans
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = line === '' || line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

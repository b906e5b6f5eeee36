/** A fenced block of a guide that is for one machine: typed there, or written (or added) to a file. */
export interface GuideBlock {
  readonly host: string;
  /** Null: commands to type. */
  readonly file: string | null;
  readonly isAdded: boolean;
  readonly text: string;
  /** Of its first line. */
  readonly line: number;
}

/**
 * The blocks that a comment before them gives to a machine: `<!-- on mq -->` are commands, `<!-- on mq: /etc/a.conf -->` is a
 * file's content, `<!-- on mq: >> /etc/a.conf -->` is added to a file.
 */
export function guideBlocks(markdown: string): readonly GuideBlock[] {
  return [...markdown.matchAll(/^<!-- on ([\w-]+)(?:: (>> )?(\S+))? -->\n+```\w*\n([^]*?)^```/gm)].map((match) => ({
    host: match[1] ?? '',
    file: match[3] ?? null,
    isAdded: match[2] !== undefined,
    text: match[4] ?? '',
    line: markdown.slice(0, match.index).split('\n').length + 2,
  }));
}

/** The rows of the table below a heading, each a record by column. */
export function guideTable(markdown: string, heading: string): readonly Readonly<Record<string, string>>[] {
  const from = markdown.indexOf(`# ${heading}\n`);
  if (from < 0) throw new Error(`there is no heading ${heading}`);
  const lines = markdown.slice(from).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const cells = (line: string): string[] =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', ''));
  const columns = cells(lines[first] ?? '');
  const after = lines.slice(first + 2);
  const end = after.findIndex((line) => !line.startsWith('|'));
  return after
    .slice(0, end)
    .map((line) => Object.fromEntries(cells(line).map((cell, at) => [columns[at] ?? '', cell])));
}

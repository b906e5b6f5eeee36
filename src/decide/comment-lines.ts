/**
 * The lines of a Markdown text that are plain from their first letter on: not those that begin inside a quotation, code
 * (fenced, indented, inline, `<pre>`) or an HTML comment, by GitHub's rules (https://github.github.com/gfm/). A line straight
 * after a quotation counts, although GitHub draws it as part of the quotation: people answer like that. Takes time
 * proportional to the text.
 */
export function plainLines(text: string): readonly string[] {
  const lines = text.split(/\r\n?|\n/);
  const plain: string[] = [];
  let at = 0;
  let isInComment = false;
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const fence = isInComment ? null : fenceOf(line);
    if (fence !== null) at = afterFence(lines, at, fence);
    else if (!isInComment && startsPre(line)) at = afterPre(lines, at);
    else if (!isInComment && !isParagraph(line)) at += 1;
    else {
      const closedAt = isInComment ? line.indexOf('-->') : 0;
      at += 1;
      if (closedAt < 0) continue;
      const paragraph = [isInComment ? line.slice(closedAt + 3) : line];
      for (; at < lines.length && isParagraph(lines[at] ?? ''); at += 1) paragraph.push(lines[at] ?? '');
      const { startsPlain, isCommentOpen } = readParagraph(paragraph);
      for (const [index, one] of paragraph.entries()) {
        const isWhole = index > 0 || !isInComment;
        if (isWhole && startsPlain[index] === true && /^ {0,3}\S/.test(one)) plain.push(one.trim());
      }
      isInComment = isCommentOpen;
    }
  }
  return plain;
}

interface Fence {
  readonly letter: string;
  readonly length: number;
}

function fenceOf(line: string): Fence | null {
  const found = /^ {0,3}(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line);
  const run = found?.[1] ?? found?.[2];
  return run === undefined ? null : { letter: run.charAt(0), length: run.length };
}

/** A fence that nobody closes goes on to the end. */
function afterFence(lines: readonly string[], first: number, fence: Fence): number {
  for (let at = first + 1; at < lines.length; at += 1) {
    const run = /^ {0,3}(`+|~+)[ \t]*$/.exec(lines[at] ?? '')?.[1];
    if (run?.startsWith(fence.letter) === true && run.length >= fence.length) return at + 1;
  }
  return lines.length;
}

function startsPre(line: string): boolean {
  return /^ {0,3}<pre(?:[\s>]|$)/i.test(line);
}

function afterPre(lines: readonly string[], first: number): number {
  for (let at = first; at < lines.length; at += 1) if (/<\/pre>/i.test(lines[at] ?? '')) return at + 1;
  return lines.length;
}

function isParagraph(line: string): boolean {
  return /\S/.test(line) && !/^ {0,3}>/.test(line) && fenceOf(line) === null && !startsPre(line);
}

/** Which lines of a paragraph begin in plain text, and whether a comment that begins in it goes on behind it. */
function readParagraph(lines: readonly string[]): {
  readonly startsPlain: readonly boolean[];
  readonly isCommentOpen: boolean;
} {
  const text = lines.join('\n');
  const covered: { readonly from: number; readonly to: number }[] = [];
  const runs = new Map<number, { readonly starts: number[]; next: number }>();
  for (const { 0: run, index } of text.matchAll(/`+/g)) {
    const known = runs.get(run.length);
    if (known === undefined) runs.set(run.length, { starts: [index], next: 0 });
    else known.starts.push(index);
  }
  let isCommentOpen = false;
  const opening = /`+|<!--/g;
  for (let found = opening.exec(text); found !== null; found = opening.exec(text)) {
    const from = found.index;
    let to = opening.lastIndex;
    if (found[0] === '<!--') {
      const end = text.indexOf('-->', to);
      isCommentOpen = end < 0;
      to = isCommentOpen ? text.length : end + 3;
    } else {
      const same = runs.get(found[0].length);
      while (same !== undefined && (same.starts[same.next] ?? Infinity) <= from) same.next += 1;
      const end = same?.starts[same.next];
      // Without a partner, back-ticks are only themselves.
      if (end !== undefined) to = end + found[0].length;
    }
    covered.push({ from, to });
    opening.lastIndex = to;
  }
  let offset = 0;
  let next = 0;
  const startsPlain = lines.map((line) => {
    while ((covered[next]?.to ?? Infinity) <= offset) next += 1;
    const isPlain = (covered[next]?.from ?? Infinity) >= offset;
    offset += line.length + 1;
    return isPlain;
  });
  return { startsPlain, isCommentOpen };
}

// Everything that steers a terminal or lies about the order of letters: C0, DEL, C1, bidirectional and invisible marks.
const steering =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

/** A stranger's text made fit for one line of a terminal or a list: what could steer it becomes `�`. */
export function plainText(text: string): string {
  return text.replace(steering, '\ufffd');
}

/** JSON in which no byte steers a terminal; it reads back as the same value. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(steering, (mark) =>
    // Line breaks here are the layout's own: JSON.stringify escaped those of the values.
    mark === '\n' ? mark : `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

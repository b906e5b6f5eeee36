/**
 * The request's body as text, or null once more than `mostBytes` have come: counted while reading, since a chunked body
 * has no length to trust.
 */
export async function readBody(request: Request, mostBytes: number): Promise<string | null> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > mostBytes) return null;
  if (request.body === null) return '';
  const parts: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the rest of the body.
  for await (const part of request.body as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > mostBytes) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

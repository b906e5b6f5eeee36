/** An answer of GitHub, read whole. Header names are in lower case. */
export interface GitHubReply {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The body went on; only what was asked for is here. */
  readonly isCut: boolean;
}

/**
 * Reads a body up to `mostBytes` (after decompression, so that no small answer becomes a large one) and lets the
 * connection go.
 */
export async function readReply(response: Response, mostBytes: number): Promise<GitHubReply> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isCut = false;
  if (response.body !== null) {
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.byteLength;
      // Leaving the loop cancels the stream.
      if (size > mostBytes) {
        isCut = true;
        break;
      }
    }
  }
  const body = Buffer.concat(chunks).subarray(0, mostBytes);
  return { status: response.status, headers: new Map(response.headers), body, isCut };
}

/** A stretch of the log with its place in the whole. Offsets are bytes, lines count from 1. */
export interface LogBlock {
  readonly bytes: Uint8Array;
  readonly startByte: number;
  readonly endByte: number;
  readonly firstLine: number;
  readonly isMidLine: boolean;
  readonly totalBytes: number;
  readonly totalLines: number;
  /** More may come. */
  readonly isGrowing: boolean;
}

/** Which attempt's log; `base` is the address that the others hang below. */
export interface LogAddress {
  readonly base: string;
  readonly attempt: string;
}

/** Where to look: the block with a line, from a byte on, or before a byte; empty: the last. */
export type Place = Readonly<Partial<Record<'line' | 'from' | 'before', number>>>;

/** Fetches a block by line, by byte, or the last. @throws Error when the server does not give one. */
export async function fetchBlock(address: LogAddress, place: Place): Promise<LogBlock> {
  const query = new URLSearchParams({ attempt: address.attempt });
  for (const [key, value] of Object.entries(place)) query.set(key, String(value));
  const answer = await fetch(`${address.base}/block?${query.toString()}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const header = (name: string): number => Number(answer.headers.get(`X-Log-${name}`) ?? 0);
  return {
    bytes: new Uint8Array(await answer.arrayBuffer()),
    startByte: header('Start'),
    endByte: header('End'),
    firstLine: header('Line'),
    isMidLine: header('Mid-Line') === 1,
    totalBytes: header('Bytes'),
    totalLines: header('Lines'),
    isGrowing: header('Growing') === 1,
  };
}

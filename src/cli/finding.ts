/** One thing that was looked at. `warn`: it works, with less; `fail`: nothing runs without it. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly finding: string;
  readonly remedy: string | null;
}

export const ok = (name: string, finding: string): Finding => ({ name, state: 'ok', finding, remedy: null });
export const warn = (name: string, finding: string, remedy: string): Finding => ({
  name,
  state: 'warn',
  finding,
  remedy,
});
export const fail = (name: string, finding: string, remedy: string): Finding => ({
  name,
  state: 'fail',
  finding,
  remedy,
});

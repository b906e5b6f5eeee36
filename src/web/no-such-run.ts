/** What scripts are told about an id that the ledger does not have. */
export const noSuchRun = 'there is no such run; ended ones are forgotten after some time (retention.runs)';

/**
 * The ledger's tables, as forward steps; a step that was released is never edited. Times are epoch ms, JSON columns hold
 * the core types. `docs/protocol.md` documents what an outside checker may read.
 *
 * jobs.state: waiting → offered (numbered, R1) → running (claimed) → ended; back to waiting by the retry plan, and from an
 * end that was no verdict by a new generation (R13). attempts: one row for each holding; an offered one has no nonce yet,
 * and an `n` that was claimed twice has two rows of which the later applied owns (R2). jobs.urgent_at is the order of
 * `feedOrder` inside a project as one number: an hour of age weighs as much as a step of priority, whatever the time is.
 * delivery_days: what came in by day, forge and source (`event`, `sweep`, `scan`, `request`, `schedule`, and `missed`); the
 * row of day '' holds what was merged of days long ago. changes.found_at: when a scan found work at `found_head` that no
 * event told of; counted when none has come a while later.
 * issues: one for each check of a branch that tells its failures by an issue; as the forge should show it.
 * reports.word_version: the first version of the occasion that is told; posts of older ones do not count. reports.posted_at:
 * when it was last posted, or refused. foreign_statuses: what another CI said of our commits, for the shadow report.
 * workers.since: when its present life was first heard; standing: whether it takes jobs, as it said; wish: what a person wants of it.
 * parked_messages: what workers said and we could not read or apply; `repeats`: hello or beat, which replace their like.
 * schedules: how far each schedule is settled; no slot up to that time is owed any more.
 * grant_obstacles: why jobs are held back now, by what they fetch; with an empty forge and repo it is the store.
 * jobs.policy_version: the policy by which it was asked for last, where the plan tells.
 * changes.seen_at: when a view of the place was last applied; of a closed place, when it closed.
 */
export const ledgerSteps: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    change_key TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'pending',
    why TEXT,
    ended_at INTEGER
  ) STRICT;
  CREATE INDEX deliveries_pending ON deliveries (seq) WHERE state = 'pending';
  CREATE INDEX deliveries_parked ON deliveries (seq) WHERE state = 'parked';

  CREATE TABLE changes (
    key TEXT PRIMARY KEY,
    forge TEXT NOT NULL,
    repo TEXT NOT NULL,
    head_sha TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    notice TEXT,
    notice_since INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX changes_open ON changes (forge, repo) WHERE is_open = 1;
  CREATE INDEX changes_held ON changes (key) WHERE notice IS NOT NULL;

  CREATE TABLE approvals (
    change_key TEXT NOT NULL,
    sha TEXT NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (change_key, sha)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE requests_done (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    n INTEGER NOT NULL DEFAULT 0,
    project TEXT NOT NULL,
    class TEXT NOT NULL,
    change_key TEXT NOT NULL,
    forge TEXT NOT NULL,
    repo TEXT NOT NULL,
    sha TEXT NOT NULL,
    pull INTEGER,
    branch TEXT,
    title TEXT NOT NULL,
    context TEXT NOT NULL,
    occasion TEXT NOT NULL,
    priority INTEGER NOT NULL,
    pool TEXT NOT NULL,
    is_exclusive INTEGER NOT NULL,
    body TEXT NOT NULL,
    base_sha TEXT,
    queued_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER,
    ended_at INTEGER,
    outcome TEXT,
    trace_id TEXT NOT NULL,
    urgent_at INTEGER GENERATED ALWAYS AS (queued_at - priority * 3600000) VIRTUAL
  ) STRICT;
  CREATE INDEX jobs_lane ON jobs (class, project, urgent_at, queued_at, seq, not_before) WHERE state = 'waiting';
  CREATE INDEX jobs_backoff ON jobs (not_before) WHERE state = 'waiting';
  CREATE INDEX jobs_underway ON jobs (state, project) WHERE state IN ('offered', 'running');
  CREATE INDEX jobs_queued ON jobs (queued_at, seq);
  CREATE INDEX jobs_queued_repo ON jobs (repo, queued_at, seq);
  CREATE INDEX jobs_ended ON jobs (ended_at, seq) WHERE state = 'ended';
  CREATE INDEX jobs_ended_repo ON jobs (repo, ended_at, seq) WHERE state = 'ended';
  CREATE INDEX jobs_commit ON jobs (forge, repo, sha);
  CREATE INDEX jobs_change_open ON jobs (change_key) WHERE state <> 'ended';

  CREATE TABLE attempts (
    job_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    n INTEGER NOT NULL,
    nonce TEXT NOT NULL,
    state TEXT NOT NULL,
    queue TEXT NOT NULL,
    worker TEXT NOT NULL DEFAULT '',
    is_owner INTEGER NOT NULL DEFAULT 0,
    is_accepted INTEGER NOT NULL DEFAULT 0,
    phase TEXT,
    outcome TEXT,
    base_sha TEXT,
    offered_at INTEGER NOT NULL,
    claimed_at INTEGER,
    last_beat_at INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    tested_sha TEXT,
    image_digest TEXT,
    peak_memory_bytes INTEGER,
    oom TEXT,
    log_bytes INTEGER NOT NULL DEFAULT 0,
    log_sha256 TEXT,
    is_log_truncated INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, generation, n, nonce)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX attempts_offered ON attempts (queue, offered_at) WHERE state = 'offered';
  CREATE INDEX attempts_live ON attempts (worker) WHERE state = 'live';

  CREATE TABLE reports (
    forge TEXT NOT NULL,
    repo TEXT NOT NULL,
    sha TEXT NOT NULL,
    context TEXT NOT NULL,
    job_id TEXT,
    notice TEXT,
    version INTEGER NOT NULL,
    posted_version INTEGER NOT NULL DEFAULT 0,
    said TEXT,
    is_final INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL DEFAULT 0,
    posted_at INTEGER,
    PRIMARY KEY (forge, repo, sha, context)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX reports_due ON reports (is_final DESC, next_try_at) WHERE posted_version < version;
  CREATE INDEX reports_job ON reports (job_id) WHERE job_id IS NOT NULL;

  CREATE TABLE chores (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL UNIQUE,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL DEFAULT 0,
    is_done INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX chores_due ON chores (next_try_at) WHERE is_done = 0;

  CREATE TABLE workers (
    worker TEXT PRIMARY KEY,
    session INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    offer TEXT NOT NULL,
    last_heard_at INTEGER NOT NULL,
    has_left INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE changes ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
  DROP INDEX changes_open;
  CREATE INDEX changes_head ON changes (forge, repo, head_sha) WHERE is_open = 1;
  CREATE INDEX changes_closed ON changes (seen_at) WHERE is_open = 0;
  CREATE INDEX jobs_place ON jobs (change_key, context, queued_at, seq);
  CREATE INDEX approvals_at ON approvals (at);
  CREATE INDEX requests_done_at ON requests_done (at);
  CREATE INDEX chores_done ON chores (id) WHERE is_done = 1;
  CREATE INDEX reports_notice ON reports (posted_at) WHERE job_id IS NULL;
  `,
  `
  ALTER TABLE changes ADD COLUMN head_since INTEGER NOT NULL DEFAULT 0;
  UPDATE changes SET head_since = version;
  ALTER TABLE approvals ADD COLUMN request_id TEXT;
  ALTER TABLE changes ADD COLUMN found_at INTEGER;
  ALTER TABLE changes ADD COLUMN found_head TEXT;
  CREATE INDEX changes_found ON changes (found_at) WHERE found_at IS NOT NULL;
  ALTER TABLE deliveries ADD COLUMN source TEXT NOT NULL DEFAULT 'event';
  ALTER TABLE deliveries ADD COLUMN forge TEXT NOT NULL DEFAULT '';
  ALTER TABLE reports ADD COLUMN posts INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE reports ADD COLUMN word_version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE reports ADD COLUMN restates INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE reports ADD COLUMN refused_version INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE reports ADD COLUMN refused TEXT;
  DROP INDEX reports_due;
  CREATE INDEX reports_due ON reports (forge, next_try_at) WHERE posted_version < version AND refused_version < version;
  CREATE INDEX reports_refused ON reports (forge, posted_at) WHERE posted_version < version AND refused_version >= version;
  CREATE INDEX reports_shown ON reports (forge, posted_at) WHERE posts = 1 AND is_final = 0;
  ALTER TABLE chores ADD COLUMN waits_for TEXT;
  ALTER TABLE chores ADD COLUMN forge TEXT GENERATED ALWAYS AS (json_extract(body, '$.forge')) VIRTUAL;
  DROP INDEX chores_due;
  CREATE INDEX chores_due ON chores (forge, next_try_at) WHERE is_done = 0;
  CREATE TABLE delivery_days (
    day TEXT NOT NULL,
    forge TEXT NOT NULL,
    source TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (day, forge, source)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE issues (
    forge TEXT NOT NULL,
    repo TEXT NOT NULL,
    branch TEXT NOT NULL,
    context TEXT NOT NULL,
    job_id TEXT NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    version INTEGER NOT NULL,
    kept_version INTEGER NOT NULL DEFAULT 0,
    kept_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (forge, repo, branch, context)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX issues_due ON issues (forge, next_try_at) WHERE kept_version < version;
  CREATE INDEX issues_closed ON issues (kept_at) WHERE is_open = 0;
  CREATE TABLE foreign_statuses (
    forge TEXT NOT NULL,
    repo TEXT NOT NULL,
    sha TEXT NOT NULL,
    context TEXT NOT NULL,
    state TEXT NOT NULL,
    creator TEXT,
    pending_at INTEGER,
    final_at INTEGER,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (forge, repo, sha, context)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX foreign_statuses_seen ON foreign_statuses (seen_at);
  CREATE INDEX deliveries_place ON deliveries (change_key, seq) WHERE state = 'pending';
  CREATE INDEX changes_seen ON changes (forge, repo, seen_at) WHERE is_open = 1;
  CREATE TABLE schedules (
    key TEXT PRIMARY KEY,
    definition TEXT NOT NULL,
    settled_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE jobs ADD COLUMN policy_version TEXT;
  CREATE INDEX jobs_open_repo ON jobs (forge, repo) WHERE state <> 'ended';
  UPDATE changes SET body = json_set(json_remove(body, '$.isTrusted'), '$.trust',
    CASE json_extract(body, '$.isTrusted') WHEN 1 THEN 'trusted' ELSE 'unknown' END);
  `,
  `
  ALTER TABLE workers ADD COLUMN since INTEGER;
  ALTER TABLE workers ADD COLUMN standing TEXT;
  ALTER TABLE workers ADD COLUMN wish TEXT NOT NULL DEFAULT 'work';
  ALTER TABLE workers ADD COLUMN wish_by TEXT;
  ALTER TABLE workers ADD COLUMN wish_at INTEGER;
  CREATE TABLE parked_messages (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    worker TEXT,
    why TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX parked_bytes ON parked_messages (bytes);
  `,
  `
  ALTER TABLE parked_messages ADD COLUMN repeats TEXT;
  CREATE INDEX parked_repeats ON parked_messages (worker, repeats) WHERE repeats IS NOT NULL;
  `,
  `
  CREATE INDEX parked_speakers ON parked_messages (worker, id, bytes);
  `,
  `
  CREATE TABLE grant_obstacles (
    forge TEXT NOT NULL,
    repo TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (forge, repo)
  ) STRICT, WITHOUT ROWID;
  `,
];

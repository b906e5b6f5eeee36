/**
 * The queue's tables, a step a version (`Database.migrate`, room `queue`).
 * - `queue`: one row a declared queue; `ready` and `unacked` are kept by triggers, since counting 100,000 rows takes long.
 * - `queue_message`: order is `id`; `holder` is the session that has it in hand, null when ready. `deliveries` counts
 *   handings-out and fences late answers: an answer names the count that it answers.
 * - `queue_session`: a live process' registration; `name` leads to its lock and its socket.
 * - `queue_control`: the last minute of control messages.
 */
export const queueMigrations: readonly string[] = [
  `
  CREATE TABLE queue (
    name TEXT PRIMARY KEY,
    ttl_ms INTEGER,
    delivery_limit INTEGER,
    dead_letter_to TEXT,
    ready INTEGER NOT NULL DEFAULT 0,
    unacked INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE queue_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    holder INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER,
    death_queue TEXT,
    death_reason TEXT,
    body TEXT NOT NULL
  );
  CREATE INDEX queue_message_ready ON queue_message (queue, id) WHERE holder IS NULL;
  CREATE INDEX queue_message_held ON queue_message (holder) WHERE holder IS NOT NULL;
  CREATE INDEX queue_message_expiry ON queue_message (expires_at) WHERE holder IS NULL AND expires_at IS NOT NULL;
  CREATE TRIGGER queue_message_added AFTER INSERT ON queue_message BEGIN
    UPDATE queue SET ready = ready + (NEW.holder IS NULL), unacked = unacked + (NEW.holder IS NOT NULL)
      WHERE name = NEW.queue;
  END;
  CREATE TRIGGER queue_message_moved AFTER UPDATE OF holder ON queue_message BEGIN
    UPDATE queue SET ready = ready + (NEW.holder IS NULL) - (OLD.holder IS NULL),
      unacked = unacked + (NEW.holder IS NOT NULL) - (OLD.holder IS NOT NULL)
      WHERE name = NEW.queue;
  END;
  CREATE TRIGGER queue_message_gone AFTER DELETE ON queue_message BEGIN
    UPDATE queue SET ready = ready - (OLD.holder IS NULL), unacked = unacked - (OLD.holder IS NOT NULL)
      WHERE name = OLD.queue;
  END;
  CREATE TABLE queue_session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    pid INTEGER NOT NULL
  );
  CREATE TABLE queue_control (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    sent_at INTEGER NOT NULL
  );
  CREATE INDEX queue_control_age ON queue_control (sent_at);
  `,
];

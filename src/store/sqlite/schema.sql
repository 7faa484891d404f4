CREATE TABLE IF NOT EXISTS counters (
  id         INTEGER PRIMARY KEY,
  namespace  TEXT NOT NULL, -- '' if it is deleted, and what belongs to it is still to be removed
  experiment TEXT NOT NULL,
  event      TEXT NOT NULL, -- a goal, or 'participate'
  variant    TEXT NOT NULL,
  count      INTEGER NOT NULL,
  UNIQUE (namespace, experiment, event, variant)
) STRICT;

CREATE TABLE IF NOT EXISTS days (
  counter INTEGER NOT NULL REFERENCES counters (id) ON DELETE CASCADE,
  day     TEXT NOT NULL, -- 2026-11-23, UTC
  count   INTEGER NOT NULL,
  PRIMARY KEY (counter, day)
) STRICT, WITHOUT ROWID;

-- What the conversions of goals with a value were worth: exact, as whole numbers.
CREATE TABLE IF NOT EXISTS sums (
  counter INTEGER NOT NULL REFERENCES counters (id) ON DELETE CASCADE,
  day     TEXT NOT NULL,
  sum     INTEGER NOT NULL, -- of the values, in ten-thousandths
  high    INTEGER NOT NULL, -- of their squares in units of 10^-8: high * 10^10 + low
  low     INTEGER NOT NULL,
  PRIMARY KEY (counter, day)
) STRICT, WITHOUT ROWID;

-- The idempotency keys counted under each counter: the first 16 bytes of their SHA-1.
CREATE TABLE IF NOT EXISTS remembered (
  counter INTEGER NOT NULL REFERENCES counters (id) ON DELETE CASCADE,
  key     BLOB NOT NULL,
  at      INTEGER NOT NULL, -- milliseconds since 1970
  until   INTEGER, -- the same: until when it is remembered whatever the window is then
  PRIMARY KEY (counter, key)
) STRICT, WITHOUT ROWID;

-- What was declared when the first event of an experiment was counted.
CREATE TABLE IF NOT EXISTS copies (
  namespace  TEXT NOT NULL,
  experiment TEXT NOT NULL,
  copy       TEXT NOT NULL,
  PRIMARY KEY (namespace, experiment)
) STRICT, WITHOUT ROWID;

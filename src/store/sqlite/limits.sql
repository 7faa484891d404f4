-- What the limits are asked about, kept by SQLite itself: so no event has to count the counters, and it
-- is right whatever writes to the file.
CREATE TABLE namespaces (
  namespace TEXT PRIMARY KEY,
  counters  INTEGER NOT NULL,
  place     INTEGER NOT NULL -- 1 where it has taken one of the places that `max_namespaces` gives
) STRICT, WITHOUT ROWID;

CREATE TABLE variants (
  namespace  TEXT NOT NULL,
  experiment TEXT NOT NULL,
  variant    TEXT NOT NULL,
  counters   INTEGER NOT NULL,
  PRIMARY KEY (namespace, experiment, variant)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER counter_made AFTER INSERT ON counters BEGIN
  INSERT INTO namespaces VALUES (new.namespace, 1, 0)
    ON CONFLICT DO UPDATE SET counters = counters + 1;
  INSERT INTO variants VALUES (new.namespace, new.experiment, new.variant, 1)
    ON CONFLICT DO UPDATE SET counters = counters + 1;
END;

-- A deleted counter first loses its names; its row goes later, and is in no namespace then.
CREATE TRIGGER counter_deleted AFTER UPDATE OF namespace ON counters BEGIN
  UPDATE namespaces SET counters = counters - 1 WHERE namespace = old.namespace;
  DELETE FROM namespaces WHERE namespace = old.namespace AND counters = 0;
  UPDATE variants SET counters = counters - 1
    WHERE namespace = old.namespace AND experiment = old.experiment AND variant = old.variant;
  DELETE FROM variants WHERE namespace = old.namespace AND experiment = old.experiment
    AND variant = old.variant AND counters = 0;
END;

CREATE TRIGGER counter_removed AFTER DELETE ON counters BEGIN
  UPDATE namespaces SET counters = counters - 1 WHERE namespace = old.namespace;
  DELETE FROM namespaces WHERE namespace = old.namespace AND counters = 0;
  UPDATE variants SET counters = counters - 1
    WHERE namespace = old.namespace AND experiment = old.experiment AND variant = old.variant;
  DELETE FROM variants WHERE namespace = old.namespace AND experiment = old.experiment
    AND variant = old.variant AND counters = 0;
END;

-- A file of an earlier lamed: its namespaces are taken and have no place.
INSERT INTO namespaces SELECT namespace, count(*), 0 FROM counters WHERE namespace <> '' GROUP BY namespace;
INSERT INTO variants
  SELECT namespace, experiment, variant, count(*) FROM counters WHERE namespace <> ''
  GROUP BY namespace, experiment, variant;

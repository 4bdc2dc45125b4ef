-- Every file ever loaded, by content: a file uploaded again under the same name with more rows has another
-- ETag. Finalized in the transaction of its rows, so that the counts are exact.
CREATE TABLE ingest_files (
    bucket            text        NOT NULL,
    key               text        NOT NULL,
    etag              text        NOT NULL,
    size              bigint      NOT NULL,
    source            text        NOT NULL CHECK (source IN ('iot', 'ftp')),
    gateway_serial    text        NOT NULL,
    state             text        NOT NULL CHECK (state IN ('loading', 'loaded', 'rejected', 'failed')),
    attempts          integer     NOT NULL DEFAULT 1,
    rows_loaded       bigint      NOT NULL DEFAULT 0,
    rows_identical    bigint      NOT NULL DEFAULT 0,
    rows_superseded   bigint      NOT NULL DEFAULT 0,
    rows_differing    bigint      NOT NULL DEFAULT 0,
    rows_rejected     bigint      NOT NULL DEFAULT 0,
    first_measured_at timestamptz,
    last_measured_at  timestamptz,
    received_at       timestamptz NOT NULL,
    started_at        timestamptz NOT NULL DEFAULT now(),
    finished_at       timestamptz,
    reason            text        NOT NULL DEFAULT '',
    PRIMARY KEY (bucket, key, etag)
);

COMMENT ON COLUMN ingest_files.state IS
    'loading: taken up, not finished, or cut off; loaded and rejected: settled; failed: comes again.';
COMMENT ON COLUMN ingest_files.rows_rejected IS 'Rows kept in the quarantine; see its index.';

CREATE INDEX ingest_files_by_gateway ON ingest_files (gateway_serial, received_at DESC);
CREATE INDEX ingest_files_by_arrival ON ingest_files (received_at DESC);
CREATE INDEX ingest_files_unsettled ON ingest_files (started_at) WHERE state IN ('loading', 'failed');

-- Rejected input is stored complete as an object in S3; this is its index. The id is derived from origin and
-- reason, so that the same input rejected twice has one entry.
CREATE TABLE quarantine (
    id             text        PRIMARY KEY,
    source         text        NOT NULL CHECK (source IN ('iot', 'ftp')),
    gateway_serial text        NOT NULL,
    bucket         text        NOT NULL,
    key            text        NOT NULL,
    origin         text        NOT NULL,
    position       text        NOT NULL,
    reason         text        NOT NULL,
    detail         text        NOT NULL,
    rows           bigint      NOT NULL,
    seen_at        timestamptz NOT NULL,
    state          text        NOT NULL DEFAULT 'kept' CHECK (state IN ('kept', 'replayed', 'discarded')),
    replayed_at    timestamptz
);

COMMENT ON COLUMN quarantine.origin IS 'The stream''s shard, or the object with its ETag.';
COMMENT ON COLUMN quarantine.position IS 'Where in its origin: a sequence number, or empty for all of it.';
COMMENT ON COLUMN quarantine.rows IS 'How many readings it would have been.';

CREATE INDEX quarantine_by_time ON quarantine (seen_at DESC);
CREATE INDEX quarantine_by_gateway ON quarantine (gateway_serial, seen_at DESC);

-- Meters of each gateway, as named in its messages. Log files do not name their meter.
CREATE TABLE meters (
    gateway_serial text        NOT NULL,
    device_serial  text        NOT NULL CHECK (device_serial <> ''),
    logger         text        NOT NULL DEFAULT '',
    first_seen_at  timestamptz NOT NULL,
    PRIMARY KEY (gateway_serial, device_serial)
);

COMMENT ON COLUMN meters.logger IS 'The logger whose files are this meter''s, once a file has said so.';

-- Gateways with rows whose meter was unknown when they were loaded.
CREATE TABLE unnamed_rows (
    gateway_serial text        PRIMARY KEY,
    noted_at       timestamptz NOT NULL DEFAULT now()
);

-- Tables that the pipeline loads. IF NOT EXISTS: databases older than the migrations already have them.

CREATE TABLE IF NOT EXISTS readings (
    gateway_serial          text             NOT NULL,
    device_serial           text             NOT NULL DEFAULT '',
    measured_at             timestamptz      NOT NULL,
    source                  text             NOT NULL CHECK (source IN ('iot', 'ftp')),
    voltage_a               double precision,
    voltage_b               double precision,
    voltage_c               double precision,
    voltage_avg             double precision,
    voltage_ab              double precision,
    voltage_bc              double precision,
    voltage_ca              double precision,
    voltage_ll_avg          double precision,
    current_a               double precision,
    current_b               double precision,
    current_c               double precision,
    current_n               double precision,
    current_avg             double precision,
    active_power_a          double precision,
    active_power_b          double precision,
    active_power_c          double precision,
    active_power_total      double precision,
    reactive_power_a        double precision,
    reactive_power_b        double precision,
    reactive_power_c        double precision,
    reactive_power_total    double precision,
    apparent_power_a        double precision,
    apparent_power_b        double precision,
    apparent_power_c        double precision,
    apparent_power_total    double precision,
    power_factor_a          double precision,
    power_factor_b          double precision,
    power_factor_c          double precision,
    power_factor_total      double precision,
    frequency               double precision,
    voltage_unbalance_meter double precision,
    current_unbalance_meter double precision,
    demand_active_power     double precision,
    energy_import           double precision,
    energy_export           double precision,
    reactive_energy_import  double precision,
    reactive_energy_export  double precision,
    apparent_energy         double precision,
    voltage_unbalance       double precision,
    unbalance_method        text,
    device_online           boolean          NOT NULL DEFAULT true,
    flags                   text[]           NOT NULL DEFAULT '{}',
    ingested_at             timestamptz      NOT NULL DEFAULT now(),
    batch_id                text             NOT NULL,
    PRIMARY KEY (gateway_serial, device_serial, measured_at)
) PARTITION BY RANGE (measured_at);

COMMENT ON TABLE readings IS
    'One row a meter and moment. V, A, kW, kvar, kVA, Hz, percent, kWh, kvarh, kVAh.';
COMMENT ON COLUMN readings.device_online IS
    'False: the gateway had lost the meter, and the values are old or zero.';
COMMENT ON COLUMN readings.batch_id IS 'Name of the raw lake object that holds the original message.';

-- Default partition for rows without a month's partition; monitored, and emptied when the partition is created.
CREATE TABLE IF NOT EXISTS readings_default PARTITION OF readings DEFAULT;

-- Rows that differ from the stored row of the same key and source: a sign of a clock fault, or of two meters
-- with one serial. Each is stored once, however often it is delivered.
CREATE TABLE IF NOT EXISTS reading_conflicts (
    gateway_serial text        NOT NULL,
    device_serial  text        NOT NULL,
    measured_at    timestamptz NOT NULL,
    source         text        NOT NULL,
    content_hash   text        NOT NULL,
    content        jsonb       NOT NULL,
    batch_id       text        NOT NULL,
    seen_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (gateway_serial, device_serial, measured_at, source, content_hash)
);

-- Creates the partition of a month (UTC) and moves its rows from the default partition.
CREATE OR REPLACE FUNCTION ensure_readings_partition(moment timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    month_start timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    first_moment timestamptz := month_start AT TIME ZONE 'UTC';
    next_moment timestamptz := (month_start + interval '1 month') AT TIME ZONE 'UTC';
    partition_name text := 'readings_' || to_char(month_start, 'YYYY_MM');
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('smarterise.readings'));
    -- Queries the catalogue: a cached lookup of the name would be stale after waiting for the lock.
    IF EXISTS (
        SELECT FROM pg_class
        WHERE relname = partition_name
          AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'readings'::regclass)
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE readings INCLUDING ALL)', partition_name);
    EXECUTE format(
        'WITH moved AS (DELETE FROM readings_default WHERE measured_at >= %L AND measured_at < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved',
        first_moment, next_moment, partition_name
    );
    EXECUTE format(
        'ALTER TABLE readings ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition_name, first_moment, next_moment
    );
END
$$;

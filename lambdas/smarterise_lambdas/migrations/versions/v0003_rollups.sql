-- Quality flags of a reading compared with its neighbours. Separate from `flags`, which come from the source,
-- because they are recomputed when a neighbour arrives late.
ALTER TABLE readings ADD COLUMN quality text[] NOT NULL DEFAULT '{}';

COMMENT ON COLUMN readings.flags IS 'What its source or its reader said of it; never changes.';
COMMENT ON COLUMN readings.quality IS
    'clock_fault, frozen_register, negative_consumption, gap, spike: beside its neighbours; found anew with them.';

-- Time ranges of meters whose quality and aggregates must be recomputed. Loads only insert, so that they never
-- wait; maintenance deletes the entries it sees before it reads the readings: an entry whose readings are not
-- visible yet is not visible either.
CREATE TABLE rollup_dirty (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_serial    text        NOT NULL,
    device_serial     text        NOT NULL,
    first_measured_at timestamptz NOT NULL,
    last_measured_at  timestamptz NOT NULL
);

-- Aggregates according to IEC 61000-4-30 of the values logged by the meter: root mean square of voltages,
-- currents and unbalance, mean of other quantities. Intervals start at full ten minutes UTC; the bucket is the
-- start. Readings of offline meters and of wrong clocks are excluded.
CREATE TABLE readings_10min (
    gateway_serial             text             NOT NULL,
    device_serial              text             NOT NULL,
    bucket                     timestamptz      NOT NULL,
    samples                    integer          NOT NULL,
    flagged                    integer          NOT NULL,
    covered_s                  double precision NOT NULL,
    completeness               double precision NOT NULL,
    voltage_a                  double precision,
    voltage_a_min              double precision,
    voltage_a_max              double precision,
    voltage_b                  double precision,
    voltage_b_min              double precision,
    voltage_b_max              double precision,
    voltage_c                  double precision,
    voltage_c_min              double precision,
    voltage_c_max              double precision,
    voltage_ab                 double precision,
    voltage_ab_min             double precision,
    voltage_ab_max             double precision,
    voltage_bc                 double precision,
    voltage_bc_min             double precision,
    voltage_bc_max             double precision,
    voltage_ca                 double precision,
    voltage_ca_min             double precision,
    voltage_ca_max             double precision,
    current_a                  double precision,
    current_a_min              double precision,
    current_a_max              double precision,
    current_b                  double precision,
    current_b_min              double precision,
    current_b_max              double precision,
    current_c                  double precision,
    current_c_min              double precision,
    current_c_max              double precision,
    current_n                  double precision,
    current_n_min              double precision,
    current_n_max              double precision,
    voltage_unbalance          double precision,
    voltage_unbalance_min      double precision,
    voltage_unbalance_max      double precision,
    active_power_total         double precision,
    active_power_total_min     double precision,
    active_power_total_max     double precision,
    reactive_power_total       double precision,
    reactive_power_total_min   double precision,
    reactive_power_total_max   double precision,
    apparent_power_total       double precision,
    apparent_power_total_min   double precision,
    apparent_power_total_max   double precision,
    power_factor_total         double precision,
    power_factor_total_min     double precision,
    power_factor_total_max     double precision,
    frequency                  double precision,
    frequency_min              double precision,
    frequency_max              double precision,
    energy_import              double precision,
    energy_export              double precision,
    computed_at                timestamptz      NOT NULL,
    PRIMARY KEY (gateway_serial, device_serial, bucket)
);

COMMENT ON COLUMN readings_10min.flagged IS 'How many of the samples have a flag.';
COMMENT ON COLUMN readings_10min.covered_s IS 'Samples times the usual time between them, seconds.';
COMMENT ON COLUMN readings_10min.completeness IS 'Share of the interval that is covered, at most 1.';
COMMENT ON COLUMN readings_10min.energy_import IS 'The register at the end, kWh.';

CREATE TABLE readings_1h (LIKE readings_10min INCLUDING ALL);
CREATE TABLE readings_1d (LIKE readings_10min INCLUDING ALL);

COMMENT ON TABLE readings_1h IS 'Of the 10 minutes, each by the time it covers.';
COMMENT ON TABLE readings_1d IS 'Of the 10 minutes, each by the time it covers; days are UTC.';

-- Creates the partitions of this month and some following ones, so that loads need not.
CREATE FUNCTION ensure_readings_partitions_ahead(months integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    FOR ahead IN 0..months LOOP
        PERFORM ensure_readings_partition(now() + make_interval(months => ahead));
    END LOOP;
END
$$;

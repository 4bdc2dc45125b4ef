-- Runs with the owner's rights, so that whoever may load may have a month's partition made, and nothing else.
ALTER FUNCTION ensure_readings_partition(timestamptz) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION ensure_readings_partition(timestamptz) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ensure_readings_partitions_ahead(integer) FROM PUBLIC;

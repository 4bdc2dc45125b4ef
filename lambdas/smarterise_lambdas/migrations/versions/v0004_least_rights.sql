-- Runs with the owner's privileges (SECURITY DEFINER), so that loaders can only create a month's partition.
ALTER FUNCTION ensure_readings_partition(timestamptz) SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION ensure_readings_partition(timestamptz) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ensure_readings_partitions_ahead(integer) FROM PUBLIC;

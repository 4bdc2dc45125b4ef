"""Everything that goes wrong in the run; each kind is counted when it really happened."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What real gateways, servers and clouds have done."""

    CUT_IN_MID_FILE = "a connection cut in mid-file"
    GROWING_FILE = "a file that grows"
    SAME_FILE_TWICE = "the same file twice"
    SAME_FILE_LONGER = "the same file again, longer"
    MANY_FILES_AT_ONCE = "many files at once"
    HALF_ROW = "half a row at the end"
    WRONG_DELIMITER = "a wrong delimiter"
    DECIMAL_COMMA = "decimal commas"
    OTHER_ORDER = "a header in another order"
    UNKNOWN_COLUMNS = "unknown columns"
    NO_TIME_COLUMN = "no time column"
    FACTORY_CLOCK = "rows from 2000-01-01"
    DUPLICATE_TIMESTAMPS = "duplicate timestamps with different values"
    DST_HOUR = "an hour that comes twice, or never"
    ODD_NAME = "a name with +, blanks and dots"
    NAME_WITH_NEWLINE = "a name with a newline"
    ZIP_BOMB = "a zip bomb"
    LYING_SIZE = "an FTP server that lies about a size"
    DATABASE_DOWN = "the database down"
    DATABASE_SLOW = "the database slow"
    NO_CONNECTION_LEFT = "no database connection left"
    FAILOVER = "a failover in mid-transaction"
    SERVER_DIED = "a database server that dies in mid-transaction, and comes back"
    S3_DENIED = "S3 denied"
    KILLED = "a function killed in mid-load"
    THREE_TIMES = "an event delivered three times"
    OUT_OF_ORDER = "events out of order"
    BATCH_AGAIN = "a batch that is delivered again"
    POISON = "a poison record in a batch"
    AGGREGATE = "an aggregate of the producer library"


OF_FILES = (
    *(Fault.HALF_ROW, Fault.WRONG_DELIMITER, Fault.DECIMAL_COMMA, Fault.OTHER_ORDER, Fault.UNKNOWN_COLUMNS),
    *(Fault.NO_TIME_COLUMN, Fault.FACTORY_CLOCK, Fault.DUPLICATE_TIMESTAMPS, Fault.DST_HOUR, Fault.ODD_NAME),
    *(Fault.NAME_WITH_NEWLINE, Fault.ZIP_BOMB, Fault.SAME_FILE_TWICE, Fault.SAME_FILE_LONGER),
    *(Fault.MANY_FILES_AT_ONCE, Fault.CUT_IN_MID_FILE, Fault.GROWING_FILE, Fault.LYING_SIZE),
)
"""Faults that a file has."""
OF_DELIVERIES = (
    *(Fault.DATABASE_DOWN, Fault.DATABASE_SLOW, Fault.NO_CONNECTION_LEFT, Fault.FAILOVER),
    *(Fault.SERVER_DIED, Fault.S3_DENIED, Fault.KILLED),
)
"""Faults that a delivery to a function meets."""

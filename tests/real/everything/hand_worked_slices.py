"""A slice of each aggregation in the week of everything, worked by hand (semantics 2, "Aggregations").

Each lists the accepted records that bear on it, in the order of time: the day and time in March, and the reading, value
or amount as the record has it. Above it stands the working, to be followed by eye. Used by `test_hand_worked_slices.py`;
nothing is computed here.
"""

from typing import NamedTuple


class Worked(NamedTuple):
    """A slice's quantity, and what it is made of: `since` is when the records listed begin."""

    name: str
    meter: str
    vm: str
    slice_start: str
    since: str
    until: str
    records: tuple[tuple[str, str], ...]
    expected: str


def records(text: str) -> tuple[tuple[str, str], ...]:
    """Read lines of day, time and value."""
    split = [line.split() for line in text.strip().splitlines()]
    return tuple((f"{day} {time}", value) for day, time, value in split)


# The counter began at zero between 10:43 and 11:03. Readings are GB.
#   11:03:08: it fell, so the reading is the difference: 0.002478080
#   11:23:08: 0.003235839 - 0.002478080 = 0.000757759      11:43:08: 0.004157439 - 0.003235839 = 0.000921600
#   Together 0.004157439.
RESET = Worked(
    "a counter that is reset", "network_out", "vm-0010", "2013-03-26T11:00:00Z", "26 10:43:00", "26 12:00:00",
    records("""
        26 10:43:08 0.190084983
        26 11:03:08 0.002478080
        26 11:23:08 0.003235839
        26 11:43:08 0.004157439
    """),
    "0.004157439",
)  # fmt: skip

# 32 bits of bytes: after 4.294967295 GB comes 0.
#   08:07:59: 0.880398307 - 2.478211044 + 4.294967296 = 2.697154559
#   08:27:59: 3.696603105 - 0.880398307 = 2.816204798
#   08:47:59: 1.915965409 - 3.696603105 + 4.294967296 = 2.514329600
#   Together 8.027688957.
WRAP = Worked(
    "a counter that wraps, twice in an hour", "network_in", "vm-0035", "2013-03-25T08:00:00Z", "25 07:47:00", "25 09:00:00",
    records("""
        25 07:47:59 2.478211044
        25 08:07:59 0.880398307
        25 08:27:59 3.696603105
        25 08:47:59 1.915965409
    """),
    "8.027688957",
)  # fmt: skip

# Each record up to the next quarter, and 0.5 at least: 0 -> 0.5; 31.333333333 -> 31.5. Together 32.
PER_RECORD = Worked(
    "a sum of records, each rounded, with a minimum", "reads", "vm-0075", "2013-03-25T00:00:00Z", "25 00:00:00", "25 01:00:00",
    records("""
        25 00:02:56  0.000000000
        25 00:32:57 31.333333333
    """),
    "32",
)  # fmt: skip

# 0.933333333 + 1.2 = 2.133333333; in steps of 0.05: 42.67, nearest 43; 43 x 0.05 = 2.15. The first record came late.
PER_SLICE = Worked(
    "a sum that is rounded once a slice", "writes", "vm-0060", "2013-03-25T08:00:00Z", "25 08:00:00", "25 09:00:00",
    records("""
        25 08:07:59 0.933333333
        25 08:37:59 1.200000000
    """),
    "2.15",
)  # fmt: skip

# The period has come to 3186.2, so 3100 at the end of the slice before; then to 6101.066666667, so 6100: 3000 more.
# By itself the slice would have 2900.
PER_PERIOD = Worked(
    "a sum whose period is rounded", "traffic", "vm-0035", "2013-03-25T01:00:00Z", "25 00:00:00", "25 02:00:00",
    records("""
        25 00:17:57 3186.200000000
        25 01:17:57 2914.866666667
    """),
    "3000",
)  # fmt: skip

# The clock in Berlin shows 22:15 at 21:15 UTC, and a price begins: the slice is from 21:15 to 22:00, three records of the
# hour less the one at 21:13.
COUNT = Worked(
    "a count in a slice of 45 minutes", "requests", "vm-0060", "2013-03-25T21:15:00Z", "25 21:15:00", "25 22:00:00",
    records("""
        25 21:33:04 1
        25 21:53:04 1
    """),
    "2",
)  # fmt: skip

# In steps of 50: 1632.8 / 50 = 32.656 -> 33 -> 1650; 1372.8 / 50 = 27.456 -> 27 -> 1350. The larger is 1650.
MAX = Worked(
    "the largest of rounded records", "peak", "vm-0035", "2013-03-26T09:00:00Z", "26 09:00:00", "26 10:00:00",
    records("""
        26 09:13:08 1632.799790248
        26 09:43:08 1372.799823648
    """),
    "1650",
)  # fmt: skip

# The period's largest was 99.483982796, of 04:47:58; at 05:17:58 it is 111.187980772: 11.703997976 more.
MAX_OF_PERIOD = Worked(
    "the largest of a period", "peak_month", "vm-0005", "2013-03-25T05:00:00Z", "25 00:00:00", "25 06:00:00",
    records("""
        25 00:17:57  95.582650137
        25 00:47:57  97.533316467
        25 01:17:57  97.533316467
        25 01:47:57  87.779984820
        25 02:17:57  85.829318491
        25 02:47:57  93.631983808
        25 03:17:58  93.631983808
        25 03:47:58  93.631983808
        25 04:17:58  87.779984820
        25 04:47:58  99.483982796
        25 05:17:58 111.187980772
        25 05:47:59  95.582650137
    """),
    "11.703997976",
)  # fmt: skip

# At 22:00 UTC it is midnight in Berlin, and April: what March had as its largest (111 and more) does not matter.
MAX_OF_NEW_PERIOD = Worked(
    "the largest of a period that has just begun", "peak_month", "vm-0005", "2013-03-31T22:00:00Z", "31 22:00:00", "31 23:00:00",
    records("""
        31 22:15:13 99.483984292
        31 22:45:13 91.681318857
    """),
    "99.483984292",
)  # fmt: skip

LATEST = Worked(
    "the last of a slice", "image", "vm-0060", "2013-03-25T08:00:00Z", "25 08:00:00", "25 09:00:00",
    records("""
        25 08:22:59       0.000000000
        25 08:52:59 1146442.933333333
    """),
    "1146442.933333333",
)  # fmt: skip

# Up to the next thousand: 251656.8 -> 252000 at the end of the first hour, 139809.333333333 -> 140000 at the end of the
# second: 112000 less.
LATEST_OF_PERIOD = Worked(
    "the last of a period, which falls", "image_month", "vm-0040", "2013-03-25T01:00:00Z", "25 00:00:00", "25 02:00:00",
    records("""
        25 00:27:57  75495.200000000
        25 00:57:57 251656.800000000
        25 01:27:57 142605.333333333
        25 01:57:57 139809.333333333
    """),
    "-112000",
)  # fmt: skip

# Here the values are the levels that the records name: 6 and 3 are two.
UNIQUE = Worked(
    "the different levels of a slice", "levels", "vm-0005", "2013-03-25T00:00:00Z", "25 00:00:00", "25 01:00:00",
    records("""
        25 00:02:56 6
        25 00:32:57 3
    """),
    "2",
)  # fmt: skip

# 15, 14 and 12 were there before; 13 is new, 14 is not.
UNIQUE_OF_PERIOD = Worked(
    "the levels that are new in the period", "levels_month", "vm-0035", "2013-03-25T02:00:00Z", "25 00:00:00", "25 03:00:00",
    records("""
        25 00:07:56 15
        25 00:37:57 14
        25 01:07:57 12
        25 01:37:57 15
        25 02:07:57 13
        25 02:37:57 14
    """),
    "1",
)  # fmt: skip

# 0.000126666 + 0.000760000 = 0.000886666. Here the values are the amounts that the records carry.
AMOUNT = Worked(
    "the amounts of records", "resold", "vm-0060", "2013-03-25T08:00:00Z", "25 08:00:00", "25 09:00:00",
    records("""
        25 08:12:59 0.000126666
        25 08:42:59 0.000760000
    """),
    "0.000886666",
)  # fmt: skip

WORKED = (
    RESET, WRAP, PER_RECORD, PER_SLICE, PER_PERIOD, COUNT, MAX, MAX_OF_PERIOD, MAX_OF_NEW_PERIOD, LATEST,
    LATEST_OF_PERIOD, UNIQUE, UNIQUE_OF_PERIOD, AMOUNT,
)  # fmt: skip

# Two series of one machine at 18:30 UTC on the 31st, where April begins in India: slice 18:30 to 19:00. Each series has a
# value of 16703488 KiB every 20 minutes or so, which is less than the 25 that one holds: so both hold all of the slice.
#   16703488 x 0.000001024 = 17.104371712 GB, x 0.5 h = 8.552185856 each.
SERIES = {
    '{"bank":"a","region":"us"}': "8.552185856",
    '{"bank":"b","region":"us"}': "8.552185856",
}
# The values of vm-0170 (KiB/s sent) in its March, the largest first, and how many records have each. There are 970: the
# rank is 0.95 x 970 = 921.5, so 922, which is the 49th from the top. Down to 2.000000000 there are 30, down to
# 1.933333333 38, down to 1.866666667 49: it is the last of these. Up to the next half: 2.
# March ends at 18:30 UTC there, so its last slice begins at 18:00.
PERCENTILE_SAMPLES = 970
PERCENTILE_LARGEST = (
    ("3.000000000", 1),
    ("2.600000000", 3),
    ("2.333333333", 1),
    ("2.200000000", 1),
    ("2.142857143", 1),
    ("2.133333333", 2),
    ("2.066666667", 11),
    ("2.000000000", 10),
    ("1.933333333", 8),
    ("1.866666667", 11),
)
PERCENTILE = "2"

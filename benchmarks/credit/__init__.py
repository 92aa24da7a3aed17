"""Credit: an hour's posting for a million accounts, late charges, many lots, top-ups and backups while a run is under way.

What belongs here: the lakes that these need, what is measured, and the lines that are printed. What does not: the hourly
run from landed files (`benchmarks/hourly.py`), whose lake is used where records are needed.
"""

from benchmarks.credit.report import measure_credit
from benchmarks.credit.sizes import CreditSizes

__all__ = ["CreditSizes", "measure_credit"]

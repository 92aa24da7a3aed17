"""The pure charge engine: frames and values in, frames and values out.

What belongs here: the price book model, metering, pricing, rating, credit, tax and invoice arithmetic, money.
What does not: the clock, the disk, the network, the environment, and any framework of pipelines.
"""

from rating.difference import difference
from rating.rate import Rated, rate

__all__ = ["Rated", "difference", "rate"]

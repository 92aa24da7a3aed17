"""The `meterbook` command.

What belongs here: words, options and tables for a person. What does not: the work, which is done by `assets/`,
`resources/` and the jobs of `pipelines/`. Each module adds its commands to the one `app`.
"""

from pipelines.command import (
    alerts,
    books,
    credit,
    deliveries,
    estimates,
    explanations,
    exports,
    facts,
    invoices,
    prices,
    projects,
    queries,
    quotes,
    statements,
)
from pipelines.command.application import app

__all__ = [
    "alerts",
    "app",
    "books",
    "credit",
    "deliveries",
    "estimates",
    "explanations",
    "exports",
    "facts",
    "invoices",
    "prices",
    "projects",
    "queries",
    "quotes",
    "statements",
]

"""What can go wrong in this room.

MeterbookError
└── DocumentError    a stored document that cannot be printed: names it, and everything wrong with it
"""

from rating.errors import MeterbookError


class DocumentError(MeterbookError):
    """A document lacks something or does not add up; nothing is printed rather than something wrong."""

    def __init__(self, document: str, problems: list[str]) -> None:
        """Say which document it is, and list every problem found in it."""
        self.document = document
        self.problems = problems
        super().__init__(f"{document} cannot be printed: " + "; ".join(problems))

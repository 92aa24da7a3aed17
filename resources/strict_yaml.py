"""YAML in which no key stands twice: the first of the two would be lost in silence.

What belongs here: that one rule, for loaders of several kinds. What does not: what is read with them.
"""

from collections.abc import Callable
from typing import Any

import yaml


def without_repeated_keys(base: type[Any]) -> Callable[..., dict[Any, Any]]:
    """A `construct_mapping` for a loader derived from `base`."""

    def construct_mapping(self: Any, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: ANN401, FBT001, FBT002 - yaml's
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = sorted({str(key) for key in keys if keys.count(key) > 1})
        if repeated:
            line = node.start_mark.line + 1
            message = f"{', '.join(repeated)} stands twice in the mapping at line {line}; keep one"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        found: dict[Any, Any] = base.construct_mapping(self, node, deep=deep)
        return found

    return construct_mapping

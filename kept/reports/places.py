"""Says where a report finds what was predicted, and for what."""

from __future__ import annotations

from collections.abc import Mapping

from ..lean import dataclass, field
from ..pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report finds an artifact: by its name in each variant, or in the pipeline that is named for one."""

    name: str = ""
    others: Mapping[str, tuple[type[Pipeline], str]] = field(default_factory=dict)

    def of(self, variant: type[Pipeline]) -> tuple[type[Pipeline], str]:
        """Return the pipeline that has it for a variant, and its name there."""
        return self.others.get(variant._target, (variant, self.name))

"""Writes numbers, times, outcomes for people."""

from __future__ import annotations

from ..actions import Outcome


def seconds(value: float) -> str:
    """Write a time: ``0.4 s``, ``3 min 12 s``, ``2 h 5 min``."""
    if value < 100:
        return f"{value:.1f} s"
    minutes = int(value) // 60
    return f"{minutes} min {int(value) % 60} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def number(value: object) -> str:
    """Write a scalar as people want to read it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def moment(when: str) -> str:
    """Write a time of day, UTC: ``2026-11-23 04:59:04``."""
    return when.replace("T", " ").removesuffix("+00:00")


def commit(text: str) -> str:
    """Shorten a commit; "+" stays: files had been edited since."""
    return text.removesuffix("+")[:8] + ("+" if text.endswith("+") else "")


def outcome_word(outcome: Outcome | None) -> str:
    """Say what became of a stage; None: no run has come to it."""
    return outcome.value if outcome is not None else "not built"

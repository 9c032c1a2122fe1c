"""From a function to the named parts of code that decide its behaviour."""

from .fingerprinting import fingerprint, looked_at
from .fingerprints import SEEDED, Blind, Fingerprint, LookedAt, Part, variable_read

__all__ = ["SEEDED", "Blind", "Fingerprint", "LookedAt", "Part", "fingerprint", "looked_at", "variable_read"]

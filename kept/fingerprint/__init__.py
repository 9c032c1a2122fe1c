"""From a function to the named parts of code that decide its behaviour."""

from .fingerprinting import fingerprint, looked_at
from .fingerprints import Blind, Fingerprint, LookedAt, Part, variable_read

__all__ = ["Blind", "Fingerprint", "LookedAt", "Part", "fingerprint", "looked_at", "variable_read"]

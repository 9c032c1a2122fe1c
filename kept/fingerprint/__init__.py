"""From a function to the named parts of code that decide its behaviour."""

from .fingerprinting import fingerprint, looked_at
from .fingerprints import Blind, Fingerprint, Part

__all__ = ["Blind", "Fingerprint", "Part", "fingerprint", "looked_at"]

"""From a function to the named parts of code that decide its behaviour."""

from .fingerprinting import fingerprint
from .fingerprints import Blind, Fingerprint, Part

__all__ = ["Blind", "Fingerprint", "Part", "fingerprint"]

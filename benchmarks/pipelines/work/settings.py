"""Constants."""

POWER = 2

"""Converts lengths: two levels below a stage."""

from recipes.factors import factor


def to_metres(values):
    return values * factor("inch")

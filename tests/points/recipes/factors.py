"""Knows units: three levels below a stage."""

from recipes.tables import INCH


def factor(unit):
    return {"inch": INCH, "metre": 1.0}[unit]

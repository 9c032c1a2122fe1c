"""Holds numbers: four levels below a stage."""

INCH = 0.0254

"""Says how far a point may lie out."""

LARGEST = 6.0
SMALLEST = 0.5

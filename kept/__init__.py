"""Make for ML artifacts: plain Python functions, only what changed is rebuilt."""

__version__ = "0.1.0"

"""The work of the MNIST pipeline: plain functions that know nothing of how they are built."""

"""Lets `python -m kept` be `kept`, where the folder of commands is not on the path."""

import sys

from .launcher import main

if __name__ == "__main__":
    sys.exit(main())

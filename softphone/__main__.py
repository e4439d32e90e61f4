"""`python -m softphone`: the command `softphone`."""

import sys

from softphone.cli import main

if __name__ == "__main__":
    sys.exit(main())

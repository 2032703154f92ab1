"""``python -m sknemg``: the command line."""

import sys

from sknemg.cli import main

if __name__ == "__main__":
    sys.exit(main())

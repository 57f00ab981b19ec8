"""`python -m keystead` is the command `keystead`."""

import sys

from keystead.cli import main

sys.exit(main())

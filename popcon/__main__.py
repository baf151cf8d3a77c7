"""In: `python -m popcon …`. Out: the same as the `popcon` command."""

import sys

from popcon.cli import main

sys.exit(main())

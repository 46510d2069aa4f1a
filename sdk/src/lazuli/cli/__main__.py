import sys

from lazuli.cli import main

sys.exit(main())

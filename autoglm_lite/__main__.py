"""`python -m autoglm_lite`."""

from autoglm_lite.cli import main

raise SystemExit(main())

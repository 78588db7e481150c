"""The terminal app. Importing the package sets what Textual reads from the environment when it is imported."""

import os

# A key is echoed at the next frame, beside a busy model within 37 ms (P99; with 15 frames 129): answers paint seldom
# enough by themselves.
os.environ.setdefault("TEXTUAL_FPS", "30")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")

"""The terminal app. Importing the package sets what Textual reads from the environment when it is imported."""

import os

# Measured in the terminal's share of one core while an answer streams in: 60 frames a second cost four times 15.
os.environ.setdefault("TEXTUAL_FPS", "15")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")

"""The box in which questions are written."""

"""What was asked and answered, from top to bottom."""

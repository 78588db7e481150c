"""The models: choosing one, getting one, and what they take of the disk."""

"""All conversations: to look through, find in, rename, delete and write to files."""

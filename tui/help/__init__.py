"""What the app can do, and what went wrong."""

"""Loads a Plan and generates; runs only inside a worker process."""

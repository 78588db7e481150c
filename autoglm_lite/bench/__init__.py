"""Measures what a model does on this machine: speed at several depths, waiting times, memory."""

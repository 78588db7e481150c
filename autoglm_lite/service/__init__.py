"""The systemd user service: its units, and what a service says to systemd."""

"""The background service: its systemd user units, what it says to systemd, and where the one that runs is found."""

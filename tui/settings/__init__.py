"""How the app behaves: what the user has set, and what suits the terminal and the machine."""

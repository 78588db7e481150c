"""GGUFs that other programs keep on this computer: one module a program."""

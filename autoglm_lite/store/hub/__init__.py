"""The hubs that models come from: what is there, where it is, and how its bytes are asked for."""

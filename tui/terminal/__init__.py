"""The terminal itself: what it can show, and taking it over before the app is there."""

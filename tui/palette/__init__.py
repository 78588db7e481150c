"""All actions, to be found by typing: the palette, slash commands, and keys of one's own."""

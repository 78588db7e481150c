"""A checkpoint of a hub, converted while only one of its shards is on this disk."""

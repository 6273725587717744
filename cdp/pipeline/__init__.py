"""The path of one event, in order: claim, parse, deduplicate, enforce, collect, screen, learn, resolve, append, follow,
settle."""

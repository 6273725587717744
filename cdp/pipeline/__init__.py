"""The path of one event, in order: claim, parse, deduplicate, collect, screen, resolve, append, follow, settle."""

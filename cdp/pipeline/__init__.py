"""The path of one event, in order: claim, parse, deduplicate, collect, resolve, append, follow, settle."""

"""Advisory locks of the database that more than one part of this app takes."""

# One linkage at a time: the counts of blocks are read and written in one breath. Erasing takes it too, so that linkage
# doesn't write back what it read a moment before. "link" in ASCII.
LINKAGE = 0x6C696E6B

"""Destinations out: the kit, the declarations, and the accounts that are configured."""

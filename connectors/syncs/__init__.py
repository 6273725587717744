"""Syncs: a segment joined to a destination. Planning (ledger to deliveries) and delivering (deliveries to channel)."""

"""People and manual segments of Customer.io."""

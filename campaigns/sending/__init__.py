"""How it goes out, once: the ledger of sends, the decision about each, and the workers that hand it over."""

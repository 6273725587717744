"""E-mail providers: what became of messages, told by their webhooks."""

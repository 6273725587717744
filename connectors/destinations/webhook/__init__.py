"""Signed webhooks, as the Standard Webhooks specification wants them."""

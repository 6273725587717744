"""Audiences of Mailchimp."""

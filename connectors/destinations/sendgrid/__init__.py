"""Marketing lists of SendGrid."""

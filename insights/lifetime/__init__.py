"""Customer lifetime value: who is still a customer, how often they will order, and what that is worth."""

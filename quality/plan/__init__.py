"""The tracking plan: what events and properties there are, which of them are meant, and what does not fit."""

"""The rule editor: a rule as a form, and the form as a rule. Pure."""

"""The month of the plan, for those who own its events."""

"""How long it may be silent, as people say: in minutes or hours, on weekdays and hours of the day."""

"""What is known of each person at an instant: declared features, one as-of statement for all who ask."""

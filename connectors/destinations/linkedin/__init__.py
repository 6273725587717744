"""LinkedIn Matched Audiences."""

"""What is said: templates with versions, languages and channels, and what they become for a person."""

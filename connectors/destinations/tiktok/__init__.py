"""TikTok custom audiences."""

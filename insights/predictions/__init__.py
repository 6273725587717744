"""Who will do something within so many days: learned from closed windows, scored for everybody, watched for drift."""

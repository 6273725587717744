"""Files in the database, in parts: every web process and worker has them, and erasing is one statement."""

"""Files of rows on an SFTP server."""

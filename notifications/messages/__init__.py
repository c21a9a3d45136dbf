"""Messages: the texts of notifications and mails, and their translations."""

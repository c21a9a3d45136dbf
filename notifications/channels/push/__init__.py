"""Push channel: Firebase Cloud Messaging through firebase-admin."""

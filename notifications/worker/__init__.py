"""Worker: claims outbox messages, delivers them and runs periodic jobs."""

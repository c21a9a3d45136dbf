"""Alerts: the aggregate, its rules, escalation policies and notifications."""

"""Database base: declarative base, scoped session, engines, change feed, caches and text helpers."""

"""Organizations and what they configure: regions, stores, groups, hours, vocabulary, catalogue."""

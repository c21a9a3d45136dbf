"""The domain: tables, the rules on them, and the read side."""

# Relationships name their target classes as strings, so loading one table loads all of them: a worker that never
# mentions recovery actions still reads concerns, which have them.
import models.tables as _tables  # noqa: F401

"""Rollups: totals computed ahead per store and day, per store and month, and per store, month and cause.

The recovery report reads them instead of millions of rows, and is exact at any moment. Rollups are always recomputed
from the rows, never incremented, so a run that is lost or repeated cannot make them wrong.

1. A transaction that changes a counted row also inserts a `DirtyDay` for the store and business day of that row
   (models.db.dirty_days). Either both are committed or neither.
2. The worker (`rebuild`) takes some dirty days of one organization. In one transaction it deletes their DirtyDay rows,
   recomputes the rollups of these days from the rows, and then those of their month from its days. It leaves a
   `DirtyCauseMonth`, from which the rollups by cause are recomputed a little later: once for a month in which many
   days change. At the end the month gets a new `RollupVersion`.
3. A report (`read`) takes clean months and days from rollups and dirty days from the rows, all in one snapshot. The
   snapshot shows either both a change and its dirty day, or neither.

DirtyDay rows are append-only, one for each change, instead of a flag for each day. A change that is committed while
its day is being recomputed may be missing from what the worker has read. The worker deletes only the rows that it
saw, before it reads anything else, so the dirty day of that change survives and the day is recomputed again. A flag
that was already set could not say that.

`month_cache` keeps the sums of whole months per process. A new version of a month makes a new cache key.
"""

"""The store: the only room with SQL.

``open_store(url)`` brings the schema up to date and gives a :class:`Store`.
"""

from __future__ import annotations

from matcher.store.database import without_password
from matcher.store.records import Changes
from matcher.store.store import Store, open_store, text_hash

__all__ = ["Changes", "Store", "open_store", "text_hash", "without_password"]

"""Voice memos: their sounds as FLAC, what is known of them in one SQLite file, and journals of those that are being recorded."""

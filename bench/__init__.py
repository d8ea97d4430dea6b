"""Programs that measure the archive, run by hand; nothing here is part of it."""

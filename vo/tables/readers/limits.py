"""How much is read of a file that a stranger has sent."""

from __future__ import annotations

from dataclasses import dataclass

from vo.dali.errors import UsageFault


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """Bounds for one table.

    Attributes
    ----------
    bytes
        Of the file, and of what comes of it where it is compressed.
    rows, columns
        Of the table.
    """

    bytes: int
    rows: int
    columns: int = 2_000

    def check_rows(self, rows: int) -> None:
        """Refuse a table that has more rows.

        Raises
        ------
        UsageFault
            Raised with the limit.
        """
        if rows > self.rows:
            raise UsageFault(f"The table has more than {self.rows:,} rows, the most that this service takes.")

    def check_columns(self, columns: int) -> None:
        """Refuse a table that has more columns, or none.

        Raises
        ------
        UsageFault
            Raised with the limit.
        """
        if columns == 0:
            raise UsageFault("The table has no columns.")
        if columns > self.columns:
            raise UsageFault(f"The table has more than {self.columns:,} columns, the most that this service takes.")

    def check_bytes(self, size: int) -> None:
        """Refuse what has more bytes.

        Raises
        ------
        UsageFault
            Raised with the limit.
        """
        if size > self.bytes:
            raise UsageFault(f"The table has more than {self.bytes:,} bytes, the most that this service takes.")

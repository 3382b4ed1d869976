"""The ports over SQL: `sql.SqlStore` opens transactions, `records.SqlRecords` is what one of them sees."""

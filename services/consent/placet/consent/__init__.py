"""The consent service: notices, consents, withdrawals, guardianships, and who stands behind a basis (consent.md)."""

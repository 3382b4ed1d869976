"""What the consent service knows: words, requests, notices, consents, guardianships, steps into the ledger."""

"""The HTTP face of Placet for auditors: search, evidence and the published log; nothing is kept here."""

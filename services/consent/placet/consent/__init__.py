"""Placet consent."""

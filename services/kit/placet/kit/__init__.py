"""Placet kit."""

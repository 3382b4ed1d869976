"""Placet local."""

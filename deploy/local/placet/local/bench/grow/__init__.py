"""`placet bench --grow`: what an event costs in a long log, and how soon a cold process proves an entry of it."""

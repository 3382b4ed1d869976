"""Commands that placet-local adds to `placet`, one file each (entry-point group `placet.commands`)."""

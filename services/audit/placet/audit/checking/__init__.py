"""Checking what is stored against what the entries give: the parts of `placet.audit.fsck`, one for each kind of row."""

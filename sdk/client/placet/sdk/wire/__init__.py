"""Protobuf on one side, the model on the other: the only modules that read or write messages.

Total in both directions: a word that this client does not know is an error, never a guess.
"""

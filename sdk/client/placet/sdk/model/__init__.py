"""What the client's methods take and give: frozen, keyword-only dataclasses, one module an area.

Never holds a protobuf message, a name, a template that came back (none ever does) or a secret that `repr` would show.
"""

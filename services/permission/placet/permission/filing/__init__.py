"""The filing with the authority (R8): pure, from counts and records to duties, deadlines, forecast and contents."""

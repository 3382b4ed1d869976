"""The use cases of the consent service, one function each: ports in, model out; `now` and `deadline` are arguments."""

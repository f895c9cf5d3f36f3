"""The fast path: graph → C++, compiled, kept and called. No torch anywhere."""

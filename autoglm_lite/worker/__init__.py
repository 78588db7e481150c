"""The process boundary: the child that runs native code, its protocol, and the client that others hold."""

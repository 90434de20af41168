"""Library of the compatibility tests: zkwire.py speaks the protocol, servers.py runs servers."""

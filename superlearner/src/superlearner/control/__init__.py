"""Reading and controlling a node for pages, REST API and command line."""

"""The console's pages of the services directory: finding, adding, editing, approving."""

"""The console's pages for the directory of services, one module a group of pages. May import what the console may."""

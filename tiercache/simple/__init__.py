"""The Simple API as values: names, pages, their two syntaxes and the choice between them.  Pure."""

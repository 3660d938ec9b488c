"""``--extract FILE``: the fields of a page, found by rules. There is one file per kind of rule."""

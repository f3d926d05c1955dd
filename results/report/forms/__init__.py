"""A report in the forms that other tools read, one pure function each."""

"""What to do, decided from values and a given `now`.  Pure: nothing here acts, waits or reads a clock."""

times = [10, 12, 14, 15.05]  # any beginning will do: the fourth comes 5.05 s after the first

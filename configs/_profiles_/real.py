# Rows as their configs have them, on the data sets that they name.
title = 'real photographs'
seeds = [0, 1, 2]
amp = False

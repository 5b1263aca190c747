"""The steps of `check-gpu`. Each takes the number of a device, so that all of them run on a CPU, too."""

"""Scores, error analysis and the calibration of confidences, for `evaluate`, `compare`, `calibrate` and `train`."""

"""Runs an artifact on a device and brings its raw samples back.

Takes a model file, a file of tokenized sequences and settings; gives Samples, the Device and its Conditions.
Knows devices, ADB and the program that runs there; knows neither TensorFlow nor statistics.
"""

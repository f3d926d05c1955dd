"""The words of the project and what they mean.

Takes a record, its raw samples and its predictions; gives statistics, one verdict and a report.
Knows no device and no TensorFlow. Inside: report | store -> verdict -> claims -> stats -> record -> errors.
"""

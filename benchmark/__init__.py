"""The command line and the order of events.

Takes what the user asks for, gives a run folder with a record, a verdict and a report. Knows every other
package and the order in which they work; knows nothing of graphs, devices or statistics itself.
Read pipeline.py first.
"""

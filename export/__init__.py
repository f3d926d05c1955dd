"""A checkpoint becomes an artifact: `model.tflite` and the `model.json` that describes it.

Takes a MobileBERT classification checkpoint (the hub's, a folder's, or seeded random weights) and a
conversion recipe; gives a content-addressed folder with the converted file, its hashes, its counts and
its parity against the float graph, and runs such a file on this machine. Knows TensorFlow and the host's
TFLite interpreters; knows no device, no text and no statistics.
"""

"""Networks as ONNX files, and what they cost to store and to run."""

"""Export of networks to ONNX files, and the costs of storing and running them."""

"""Code that runs on the device: applies a model to whole scenes with only onnxruntime, numpy and rasterio."""

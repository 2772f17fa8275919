"""What runs on the device: a model on whole scenes, with onnxruntime, numpy and rasterio alone."""

"""MLflow model folders: MLmodel and the files beside it, saved by any MLflow since 1.0."""

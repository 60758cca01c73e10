"""Azure ML's no-code protocol in front of MLflow's scoring server. Runs in the package, on the package's Python."""

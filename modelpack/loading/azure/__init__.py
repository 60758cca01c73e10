"""Azure ML's files as inputs: model packages, online deployments, environments, models and data assets in YAML.

Every field, alias and historic form of their schemas is taken; what has a meaning in Azure's cloud alone is said to
have none here.
"""

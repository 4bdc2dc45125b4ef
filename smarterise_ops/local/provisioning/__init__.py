"""Creation of the resources, functions, policies and alarms of the embedded stack."""

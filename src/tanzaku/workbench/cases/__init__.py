"""Cases generated from an OpenAPI document and the rules no schema can state; their coverage."""

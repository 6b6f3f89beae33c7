"""Records into OpenSearch and Elasticsearch: the names of the indices, and the writing."""

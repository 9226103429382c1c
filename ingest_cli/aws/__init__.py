"""AWS access: sessions, the table and its reserved rows, the lease, and an embedded DynamoDB."""

"""How a request reaches DynamoDB: the fast way, and the reference it is tested against."""

"""How a person signs up and in: credentials, sessions, second factors."""

"""Toy Salesforce, HubSpot and Wootric over real HTTP: stateful, faithful, and able to fail."""

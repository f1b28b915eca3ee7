"""One folder or module per outside system, each behind the same contract (`connectors.contract`)."""
